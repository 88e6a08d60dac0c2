"""Names and paths in params.yaml that YAML, DVC or a shell reads differently: refused before a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline.core.params import read_params
from pipeline.doctor.machine_check import check_machine
from pipeline.forecast.changes import pending_changes
from pipeline.runtime.errors import ParameterError
from stages.cli import main as duskline
from tests.forecast.small_pipeline import PARAMS, new_pipeline, set_params
from tests.import_graph import ROOT
from tests.sharing.small_project import dvc

WRONG = {
    "2019": "YAML reads a number",
    "0o17": "YAML reads a number",
    "1e3": "YAML reads a number",
    "2019-06-01": "YAML reads a date",
    "true": "YAML reads true or false",
    "~": "YAML reads nothing",
    "street.v1": "it has '.'",
    "my street": "it has ' '",
    "walk@dusk": "it has '@'",
    "a/b": "it has '/'",
    "$x{y}": "it has '$' '{' '}'",
    "-x": "it begins with -",
    '""': "it is empty",
}
RIGHT = [
    '"2019"',
    "'2019-06-01'",
    '"1e3"',
    '"true"',
    "street_v1",
    "my-street",
    "straße",
    "on",
    "2019_a",
    "v1",
]


def read(folder: Path, text: str) -> dict[str, Any]:
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return read_params(folder / "params.yaml")


def refusal(folder: Path, text: str) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        read(folder, text)
    return caught.value


@pytest.mark.parametrize("name", WRONG)
def test_08_a_name_that_dvc_cannot_take(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, f"format:\n  {name}: {{raw: x}}\n  good: {{raw: x}}\n")
    path = tmp_path / "params.yaml"
    assert (
        error.message == f"{path}: names that no stage can have: format.{name.strip(chr(34))} ({WRONG[name]})"
    )
    assert 'in quotes, such as "2019"' in error.hint


def test_08_all_are_named_on_one_line(tmp_path: Path) -> None:
    text = "format:\n" + "".join(f"  {name}: {{raw: x}}\n" for name in WRONG) + "merge:\n  7: {}\n"
    message = refusal(tmp_path, text + "test_sets: [good, 2019]\n").message
    assert "\n" not in message
    assert all(f"({why})" in message for why in WRONG.values())
    assert message.endswith("merge.7 (YAML reads a number), test_sets: 2019 (YAML reads a number)")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("[a]", "YAML reads a list"),
        ("{b: c, d}", "YAML reads a section"),
        ("? [a,\n     b]\n  ", "YAML reads a list"),
    ],
)
def test_a_key_that_is_no_text_is_named_as_it_stands(tmp_path: Path, key: str, why: str) -> None:
    written = " ".join(key.removeprefix("?").split())
    message = refusal(tmp_path, f"format:\n  {key}: {{raw: x}}\n").message
    assert message.endswith(f"names that no stage can have: format.{written} ({why})")
    assert (
        f"cannot find: format.x.{written}: ~/y"
        in refusal(tmp_path, f"format:\n  x: {{? {written} : ~/y}}\n").message
    )


@pytest.mark.parametrize("name", RIGHT)
def test_names_that_dvc_takes(tmp_path: Path, name: str) -> None:
    assert list(read(tmp_path, f"format:\n  {name}: {{raw: x}}\n")["format"]) == [name.strip("'\"")]


def test_sections_that_are_merged_have_no_name(tmp_path: Path) -> None:
    assert read(tmp_path, "train:\n  a: &a {x: 1}\n  b: {<<: *a}\n")["train"]["b"] == {"x": 1}
    assert set(read(tmp_path, "train: &t\n  a: {}\nexperiment:\n  <<: *t\n  b: {}\n")["experiment"]) == {
        "a",
        "b",
    }


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=6))
def test_a_name_is_refused_or_means_the_same_to_dvc(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """DVC reads parameters by another library than we."""
    folder = tmp_path_factory.mktemp("named")
    text = f"format:\n  {name}: {{raw: x}}\n"
    try:
        mine = read(folder, text)
    except ParameterError:
        return
    theirs = YAML(typ="safe").load(text)
    assert mine == theirs
    assert all(isinstance(key, str) and "'" not in key for key in theirs.get("format") or ())


def test_08_every_command_says_it_before_anything_runs(project: Path) -> None:
    (project / "params.yaml").write_text("format:\n  2019: {raw: raw/day.txt}\ntranslate: {}\n")
    for command in (["plan"], ["sets"], ["stage", "report"], ["stage", "merge", *MERGE], ["results"]):
        result = CliRunner().invoke(duskline, command)
        assert result.exit_code == 2, (command, result.output)
        assert result.stderr.startswith("error: params.yaml: names that no stage can have: format.2019 ("), (
            command
        )
    places = (Path("data/raw"), Path("data/sets"), Path("models/vpr"), Path("models/unit"))
    said = [one for what, one in check_machine(*places, lambda _: [], lambda *_: []) if what == "project"]
    assert [one.grade for one in said] == ["fault"]
    assert said[0].found == "params.yaml: names that no stage can have: format.2019 (YAML reads a number)"


MERGE = ["--name=x", "--day=a", "--night=b", "--keep_nights=1", "--seed=0", "--shards_above=9"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    root = new_pipeline(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


def test_names_in_quotes_are_stages(project: Path) -> None:
    set_params(
        project, PARAMS | {"format": {"day": {"raw": "raw/day.txt"}, "2019": {"raw": "raw/other.txt"}}}
    )
    assert "'2019'" in (project / "params.yaml").read_text()
    assert "format@2019" in {change.stage for change in pending_changes()}
    dvc(project, "repro", "-q", "format@2019")
    assert (project / "sets" / "2019" / "a.txt").is_file()


def test_08_a_report_that_fails_takes_no_page_away(project: Path) -> None:
    [report] = [
        stage
        for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
        if name == "report"
    ]
    stage = {
        "cmd": "test ! -e fail && mkdir -p reports && echo page > reports/index.html",
        "outs": report["outs"],
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"report": {**stage, "deps": ["raw"]}}}))
    dvc(project, "repro", "-q")
    (project / "fail").touch()
    (project / "raw" / "new.txt").touch()
    with pytest.raises(AssertionError, match="failed to reproduce 'report'"):
        dvc(project, "repro")
    assert (project / "reports" / "index.html").read_text() == "page\n"


@pytest.mark.parametrize("path", ["~/photos", "~", "$HOME/photos", "${HOME}/photos", "~someone/photos"])
@pytest.mark.parametrize("where", ["format.mine.raw", "pictures.mine.folder", "train_unit.mine.day"])
def test_a_path_that_only_a_shell_expands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, where: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    section, entry, name = where.split(".")
    error = refusal(tmp_path, yaml.safe_dump({section: {entry: {name: path}}}))
    assert error.message.endswith(f"cannot find: {where}: {path}")
    whole = path.replace("~s", "?s").replace("~", "/home/ada").replace("${HOME}", "/home/ada")
    assert (
        error.hint
        == f"write the whole path, such as {whole.replace('$HOME', '/home/ada').replace('?s', '~s')}"
    )


@pytest.mark.parametrize("path", ["photos/~", "a~b/c", "/x/$", "100$", "back~"])
def test_a_path_in_which_nothing_is_expanded(tmp_path: Path, path: str) -> None:
    assert read(tmp_path, f"format:\n  mine: {{raw: '{path}'}}\n") == {"format": {"mine": {"raw": path}}}
