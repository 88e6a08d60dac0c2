"""What would run, and why: compared with what DVC then runs."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from pipeline.forecast.changes import pending_changes
from pipeline.runtime.errors import MissingInputError, ParameterError
from tests.end_to_end.project import stages_run
from tests.forecast.small_pipeline import PARAMS, new_pipeline, set_params
from tests.sharing.small_project import dvc

ALL = ["format@day", "format@other", "translate@night", "report"]


@pytest.fixture(scope="session")
def finished_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = new_pipeline(tmp_path_factory.mktemp("pipeline") / "project")
    dvc(root, "repro", "-q")
    return root


@pytest.fixture
def root(finished_pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    shutil.copytree(finished_pipeline, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def _found(*targets: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {change.stage: (change.certainty, change.reasons) for change in pending_changes(targets)}


def _edited(**changes: object) -> dict[str, object]:
    params = copy.deepcopy(PARAMS)
    for path, value in changes.items():
        section, entry, name = path.split("__")
        params[section][entry][name] = value  # type: ignore[index]
    return params


def test_nothing_ever_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(new_pipeline(tmp_path / "project"))
    found = _found()
    assert sorted(found) == sorted(ALL)
    assert set(found.values()) == {("runs", ("never ran",))}
    names = list(found)
    assert names.index("format@day") < names.index("translate@night") < names.index("report")


def test_after_a_run_there_is_nothing_to_do(root: Path) -> None:
    assert _found() == {}


def test_a_parameter_that_is_an_option_is_shown_with_both_values(root: Path) -> None:
    set_params(root, _edited(translate__night__quality=80))
    assert _found() == {
        "translate@night": ("runs", ("changed command: quality 90 -> 80",)),
        "report": ("follows", ("only if the output of translate@night changes",)),
    }
    assert stages_run(dvc(root, "repro")) == ["translate@night", "report"]
    # Back to what was run before.
    set_params(root, PARAMS)
    assert _found()["translate@night"] == ("cached", ("changed command: quality 80 -> 90",))
    assert stages_run(dvc(root, "repro")) == []


def test_parameters_code_and_data_are_told_apart(root: Path) -> None:
    set_params(root, _edited(format__other__width=2))
    (root / "code" / "format.py").write_text("# new\n" + (root / "code" / "format.py").read_text())
    (root / "raw" / "day.txt").unlink()
    found = _found()
    assert found["format@day"] == ("runs", ("modified: code/format.py", "deleted: raw/day.txt"))
    other = ("modified: code/format.py", "changed in params.yaml: format.other")
    assert found["format@other"] == ("runs", other)
    assert found["translate@night"] == ("follows", ("only if the output of format@day changes",))


def test_an_output_that_is_gone_comes_from_the_cache_or_is_made_again(root: Path) -> None:
    shutil.rmtree(root / "sets" / "night")
    assert _found()["translate@night"] == ("cached", ("output deleted: sets/night",))
    shutil.rmtree(root / ".dvc" / "cache")
    assert _found("translate@night")["translate@night"][0] == "runs"
    assert "translate@night" in stages_run(dvc(root, "repro"))


def test_an_output_that_somebody_edited(root: Path) -> None:
    file = root / "sets" / "night" / "a.txt"
    file.chmod(0o644)
    file.unlink()
    file.write_text("by hand")
    assert _found()["translate@night"][1] == ("output modified: sets/night",)


def test_targets_and_what_they_depend_on(root: Path) -> None:
    set_params(root, _edited(format__day__width=2, translate__night__quality=80))
    assert list(_found("format@day")) == ["format@day"]
    assert list(_found("format")) == ["format@day"]
    assert list(_found("translate")) == ["format@day", "translate@night"]
    assert list(_found("format@other")) == []
    for target in ("nothing", "format@nothing", "nothing.dvc"):
        with pytest.raises(ParameterError, match=f"DVC cannot tell what would run: .*{target}"):
            pending_changes([target])


def test_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match="is not the root of a DVC project"):
        pending_changes()


@pytest.mark.parametrize(
    ("name", "text"),
    [("params.yaml", "format: {}"), ("dvc.lock", "schema: '2.0'\nstages: ["), ("dvc.lock", "7")],
)
def test_files_that_do_not_fit(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)
    with pytest.raises(ParameterError, match="DVC cannot tell what would run") as caught:
        pending_changes()
    assert "match, and that each target" in caught.value.hint


def test_another_dvc_at_work(root: Path) -> None:
    from dvc.repo import Repo

    with Repo(str(root)).lock, pytest.raises(ParameterError, match="Unable to acquire lock"):
        pending_changes()
