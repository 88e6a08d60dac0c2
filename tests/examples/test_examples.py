"""The scripts of examples/ on small data, and that they stay short and say how they are run."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.upkeep.export import export_set
from tests.datasets.made_sets import day_set
from tests.datasets.raw_forms import jpeg
from tests.examples.running import EXAMPLES, run
from tests.sharing.small_project import dvc
from tests.vpr.experiments.test_torch_hub import HUBCONF, LAYERS
from tests.vpr.places import write_places

SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
LONGEST = 59


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_short_and_says_how_it_is_run(script: str) -> None:
    text = (EXAMPLES / script).read_text()
    assert len(text.splitlines()) <= LONGEST
    told = ast.get_docstring(ast.parse(text)) or ""
    assert f"python examples/{script} " in told
    assert f"[{script}]({script})" in (EXAMPLES / "README.md").read_text()


@pytest.mark.slow
def test_a_folder_is_translated_and_a_picture_that_cannot_be_is_named(tmp_path: Path) -> None:
    days = tmp_path / "days"
    days.mkdir()
    (days / "a.jpg").write_bytes(jpeg(96, 72, seed=1))
    (days / "b.jpg").write_bytes(b"no image")
    said = run(
        "translate_in_python.py", days, tmp_path / "nights", "--shorter-side", "72", work=tmp_path / "work"
    )
    assert "1 nights (1 newly translated" in said
    assert "b.jpg: " in said
    assert "a.jpg: mean level" in said
    assert read_rgb(tmp_path / "nights" / "an.jpg").shape == (72, 96, 3)


@pytest.mark.slow
def test_a_hub_model_is_measured_and_nothing_runs_without_trust(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "hubconf.py").write_text(HUBCONF)
    (repository / "made_up_layers.py").write_text(LAYERS)
    write_places(tmp_path / "places")
    command = ("test_a_hub_model.py", repository, "described", tmp_path / "places", tmp_path / "out")
    assert "set trust_repo: true" in run(*command, work=tmp_path / "work", check=False)
    said = run(*command, "--trust-repo", "--size", "64", "64", work=tmp_path / "work")
    assert "descriptors of " in said
    metrics = json.loads((tmp_path / "out" / "results" / "metrics.json").read_text())
    assert f"R@1: {metrics['recalls']['1']['percent']:.1f}" in said


@pytest.mark.slow
def test_a_set_is_read_out_of_another_repository(tmp_path: Path) -> None:
    theirs = shared_repository(tmp_path)
    said = run("read_a_shared_set.py", theirs, "data/sets/places", tmp_path / "mine", work=tmp_path / "work")
    found = ImageSet.open(tmp_path / "mine")
    assert len(found.rows) == 5
    assert "test/database: 2 images" in said
    assert "test/queries: 3 images" in said


def shared_repository(root: Path) -> Path:
    """A git repository with a set that is on its DVC remote alone."""
    theirs = root / "theirs"
    made = day_set(root / "places")
    theirs.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=theirs, check=True)
    dvc(theirs, "init", "-q")
    dvc(theirs, "remote", "add", "-q", "-d", "shared", str(root / "remote"))
    export_set(made, theirs / "data" / "sets" / "places")
    dvc(theirs, "add", "-q", "data/sets/places")
    dvc(theirs, "push", "-q")
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    subprocess.run(["git", "add", "-A"], cwd=theirs, check=True)
    subprocess.run(["git", *author, "commit", "-q", "-m", "Share"], cwd=theirs, check=True)
    clone = root / "clone"
    subprocess.run(["git", "clone", "-q", str(theirs), str(clone)], check=True)
    return clone
