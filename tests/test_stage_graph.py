"""dvc.yaml against the code: every stage names exactly the rooms it uses."""

from __future__ import annotations

import re

import pytest
import yaml

from stages.sets import SET_STAGES
from tests.import_graph import ROOT
from tests.stage_rooms import DVC_YAML, EXEMPT, named_rooms, needless_modules, stages, used_rooms


@pytest.mark.parametrize("stage", stages())
def test_stage_names_the_rooms_it_uses(stage: str) -> None:
    assert named_rooms(stage) == used_rooms(stage), "python -m tests.stage_rooms fixes dvc.yaml"


@pytest.mark.parametrize("stage", ["train", "train_unit", "translate", "evaluate"])
def test_what_runs_a_costly_stage_for_nothing_is_told(stage: str) -> None:
    rows = re.findall(rf"^\| `{stage}` \|(.*) \|$", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    assert len(rows) == 1
    assert re.findall(r"`(\S+)`", rows[0]) == needless_modules(stage)
    assert len(needless_modules(stage)) <= 5, "move what the stage does not use into another room"


@pytest.mark.parametrize("stage", stages())
def test_stage_command_is_one_simple_command(stage: str) -> None:
    # Dying with the parent works only if the shell replaces itself by the command.
    body = yaml.safe_load(DVC_YAML.read_text())["stages"][stage]
    command = body.get("do", body)["cmd"]
    assert f"{command} ".startswith(f"exec python -m stages.{stage} ")
    assert not any(sign in command for sign in ("&&", ";", "|", ">", "\n"))


def test_what_is_exempt_exists() -> None:
    assert [place for place in EXEMPT if not (ROOT / place).exists()] == []


def test_default_parameters_are_the_city_profile() -> None:
    assert (ROOT / "params.yaml").read_bytes() == (ROOT / "profiles" / "city.yaml").read_bytes()


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml")))
def test_profiles_have_the_sections_that_dvc_yaml_unfolds(profile: str) -> None:
    params = yaml.safe_load((ROOT / "profiles" / f"{profile}.yaml").read_text())
    bodies = yaml.safe_load(DVC_YAML.read_text())["stages"].values()
    unfolded = {
        loop for body in bodies for loop in [body.get("foreach"), *body.get("matrix", {}).values()] if loop
    }
    read = {section for body in bodies for section in body.get("params", []) if isinstance(section, str)}
    read |= {"report"}  # It reads the whole file.
    # Sections that become options of many commands.
    read |= {name for body in bodies for name in re.findall(r" \$\{(\w+)\}", body.get("do", body)["cmd"])}
    read -= {"key", "item"}
    assert {f"${{{section}}}" for section in params} == unfolded | {f"${{{section}}}" for section in read}


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml")))
def test_experiments_and_test_sets_of_a_profile_exist_in_it(profile: str) -> None:
    params = yaml.safe_load((ROOT / "profiles" / f"{profile}.yaml").read_text())
    sets = {name for stage in SET_STAGES for name in params[stage]}
    assert set(params["test_sets"]) <= sets
    learning = [*params["train"].values(), *params["adapt"].values()]
    assert {section["dataset"] for section in learning} <= sets
    stages = ("train", "adapt", "asymmetric", "model_file", "hub_local", "hub_github")
    models = {name for stage in stages for name in params[stage]}
    assert {section["model"] for section in params["adapt"].values()} <= models
    assert {name for section in params["asymmetric"].values() for name in section.values()} <= models
    assert {section["model"] for section in params["experiment"].values()} <= models
