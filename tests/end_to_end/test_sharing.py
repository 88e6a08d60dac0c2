"""What one clone has made and pushed, others have without running a stage: through a folder, through S3."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.core.files import digest_file
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms
from pipeline.night.records.provenance import read_origins
from tests.end_to_end.clones import MERGED, clone, commit, duskline, files_of
from tests.end_to_end.project import Project, stages_run
from tests.s3_server import BUCKET, s3_server

pytestmark = pytest.mark.slow

MADE = ("data/raw", "data/sets", "reports")


@dataclass(frozen=True)
class Shared:
    """A project that ran and pushed, with the run cache; where it shares."""

    project: Project
    url: str


@pytest.fixture(scope="module", params=["folder", "s3"])
def shared(
    request: pytest.FixtureRequest,
    finished_run: tuple[Project, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shared]:
    """For each kind of remote. Not to be changed."""
    root = tmp_path_factory.mktemp(request.param)
    shutil.copytree(finished_run[0].root, root / "first" / "project")
    project = Project(root / "first" / "project")
    with contextlib.ExitStack() as held:
        url, *options = _place(request.param, root, held)
        # Twice, with another value of a parameter, whose results in the end only the run cache knows. With it
        # DVC pushes which results there were, and not their objects: each is pushed while it is current.
        before = _set_quality(project, 75)
        project.repro("merge")
        duskline(project, "share", url, *options, "--push", "--yes")
        _set_quality(project, before)
        project.repro()
        duskline(project, "share", url, *options, "--push", "--yes")
        commit(project)
        yield Shared(project, url)


def _place(kind: str, root: Path, held: contextlib.ExitStack) -> list[str]:
    """Where to share, with the options that say how it is reached."""
    if kind == "folder":
        return [str(root / "remote")]
    server = held.enter_context(s3_server())
    patch = held.enter_context(pytest.MonkeyPatch.context())
    for name, value in server.environment.items():
        patch.setenv(name, value)
    return [f"s3://{BUCKET}/duskline", "--endpoint", server.endpoint]


def _set_quality(project: Project, quality: int) -> int:
    """Set the quality of the nights, and return what it was."""
    params = project.params()
    before = int(params["translate"]["city_pitts_night"]["quality"])
    params["translate"]["city_pitts_night"]["quality"] = quality
    project.set_params(params)
    return before


def test_a_clone_that_pulls_has_everything_and_runs_nothing(shared: Shared, tmp_path: Path) -> None:
    other = clone(shared.project, tmp_path / "other" / "project")
    other.dvc("pull")
    assert files_of(other.root, *MADE) == files_of(shared.project.root, *MADE)
    assert other.repro() == []
    assert other.dvc("status", "--json").stdout.strip() == "{}"
    listed = duskline(other, "sets").stdout
    assert "city_pitts_dn" in listed
    assert "not made yet" not in listed


def test_results_of_earlier_parameters_come_with_the_run_cache(shared: Shared, tmp_path: Path) -> None:
    other = clone(shared.project, tmp_path / "other" / "project")
    other.dvc("pull", "--run-cache")
    _set_quality(other, 75)
    done = other.dvc("repro", "--pull", "merge").stdout
    assert stages_run(done) == []
    assert "Stage 'translate@city_pitts_night' is cached - skipping run" in done
    nights = ImageSet.open(other.root / "data" / "sets" / "city_pitts_night")
    first = ImageSet.open(shared.project.root / "data" / "sets" / "city_pitts_night")
    assert [row.name for row in nights.rows] == [row.name for row in first.rows]
    assert {row.digest for row in nights.rows}.isdisjoint({row.digest for row in first.rows})


def _require_usable_alone(root: Path, original: Path) -> None:
    images = ImageSet.open(root)
    assert images.digest == ImageSet.open(original).digest
    assert all(digest_file(images.path(row)) == row.digest for row in images.rows)
    assert {origin.status for origin in read_origins(root)} == {"done"}
    assert [terms.licence for terms in read_terms(root)] == ["MIT, as the rest of duskline"] * 2


def test_one_set_is_got_outside_of_any_project(shared: Shared, tmp_path: Path) -> None:
    outside = Project(tmp_path / "outside")
    outside.root.mkdir()
    outside.dvc("get", str(shared.project.root), MERGED, "-o", "places")
    _require_usable_alone(outside.root / "places", shared.project.root / MERGED)
    assert sorted(path.name for path in outside.root.iterdir()) == ["places"]


def test_one_set_is_imported_into_another_project_which_remembers_where_from(
    shared: Shared, tmp_path: Path
) -> None:
    other = Project(tmp_path / "other")
    (other.root / "sets").mkdir(parents=True)
    other.run("git", "init", "-q")
    other.dvc("init", "-q")
    other.dvc("import", str(shared.project.root), MERGED, "-o", "sets/places")
    _require_usable_alone(other.root / "sets" / "places", shared.project.root / MERGED)
    assert str(shared.project.root) in (other.root / "sets" / "places.dvc").read_text()


def test_one_folder_of_a_set_is_pulled_alone(shared: Shared, tmp_path: Path) -> None:
    other = clone(shared.project, tmp_path / "other" / "project")
    folder = f"{MERGED}/images/test"
    other.dvc("pull", folder)
    assert files_of(other.root, "data") == files_of(shared.project.root, folder)


def test_terms_are_told_and_nothing_is_sent_without_push(shared: Shared, tmp_path: Path) -> None:
    other = clone(shared.project, tmp_path / "other" / "project")
    other.dvc("pull")
    told = duskline(other, "share", str(tmp_path / "remote"), "--name", "second", "--local").stdout
    assert "The embedded city, drawn on this machine; licence: MIT" in told
    assert "dvc push --run-cache" in told
    assert not (tmp_path / "remote").exists()
    assert subprocess.run(["git", "diff", "--quiet"], cwd=other.root, check=False).returncode == 0
