"""The whole pipeline on sets of shards makes the same sets as on files, and far fewer objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.tar_shards import SHARDS
from tests.end_to_end.clones import clone, commit, duskline, objects
from tests.end_to_end.project import Project

pytestmark = pytest.mark.slow

SETS = ("city_pitts", "city_pitts_night", "city_pitts_dn", "city_tokyo", "city_tokyo_night", "city_xs")


def _sets(project: Project) -> dict[str, ImageSet]:
    return {name: ImageSet.open(project.root / "data" / "sets" / name) for name in SETS}


def test_every_stage_takes_and_makes_shards(project: Project, tmp_path: Path) -> None:
    as_files = _sets(project)
    contents = {name: [images.read(row) for row in images.rows] for name, images in as_files.items()}
    nights = project.root / "work" / "nights"
    made = {path: path.stat().st_mtime_ns for path in nights.rglob("*.jpg")}
    params = project.params()
    params["sets"]["shards_above"] = 0
    project.set_params(params)
    project.repro()
    as_shards = _sets(project)
    for name, images in as_shards.items():
        assert images.index is not None, name
        assert images.digest == as_files[name].digest
        assert [images.read(row) for row in images.rows] == contents[name]
    assert {path: path.stat().st_mtime_ns for path in nights.rglob("*.jpg")} == made
    # The merged set links the shards of both, and has none of its own.
    nodes = {path.stat().st_ino for name in SETS[:2] for path in (as_shards[name].root / SHARDS).iterdir()}
    assert {path.stat().st_ino for path in (as_shards["city_pitts_dn"].root / SHARDS).iterdir()} == nodes

    remote = tmp_path / "remote"
    duskline(project, "share", str(remote), "--push", "--yes")
    commit(project)
    pushed = sum(1 for _ in objects(remote))
    assert pushed < sum(len(images.rows) for images in as_files.values())
    other = clone(project, tmp_path / "other" / "project")
    other.dvc("pull")
    assert {name: images.digest for name, images in _sets(other).items()} == {
        name: images.digest for name, images in as_files.items()
    }
    assert other.repro() == []
    duskline(other, "export", "city_pitts_dn", "exported")
    exported = ImageSet.open(other.root / "exported")
    assert exported.index is None
    assert exported.digest == as_files["city_pitts_dn"].digest
    assert [exported.read(row) for row in exported.rows] == contents["city_pitts_dn"]
    assert (exported.root / "origins.csv").is_file()
