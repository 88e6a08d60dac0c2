"""As many images as Pitts30k has: formatted, made night, merged and pushed, in tiny images."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.sources.registry import read_source
from tests.datasets.raw_forms import jpeg, split_file, write_tar
from tests.end_to_end.project import Project, copy_project

pytestmark = pytest.mark.long

IMAGES = 51_840
_VIEWS = 24
_PER_ARCHIVE = 5_000


def write_raw(raw: Path) -> None:
    """Archives and split files of the true counts; no two images are the same."""
    expected = read_source("pitts30k").expected
    splits: dict[str, bytes] = {}
    archives: dict[str, dict[str, bytes]] = {}
    number = 0
    for split in ("train", "val", "test"):
        listed: dict[str, dict[str, tuple[float, float]]] = {}
        for role in ("database", "queries"):
            names = listed[role] = {}
            for _ in range(expected[f"{split}/{role}"]):
                place, view = divmod(number, _VIEWS)
                folder = f"{number // _PER_ARCHIVE:03d}" if role == "database" else "010"
                name = f"{folder}/{place:06d}_pitch{1 + view // 12}_yaw{1 + view % 12}.jpg"
                names[name] = (585_000.0 + 10 * (place % 60), 4_477_000.0 + 10 * (place // 60))
                archive = folder if role == "database" else "queries_real"
                member = name if role == "database" else f"queries_real/{name}"
                archives.setdefault(archive, {})[member] = jpeg(16, 12, seed=number)
                number += 1
        splits[f"datasets/pitts30k_{split}.mat"] = split_file(listed["database"], listed["queries"])
    for archive, members in archives.items():
        write_tar(raw / f"{archive}.tar", members)
    write_tar(raw / "netvlad_v100_datasets.tar.gz", splits, "w:gz")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("pitts30k")
    write_raw(root / "raw")
    made = copy_project(root / "project")
    params = made.params() | {
        name: {} for name in ("fetch", "format", "translate", "photometric", "merge", "select")
    }
    params["format"] = {
        "pitts30k": {
            "raw": str(root / "raw"),
            "form": "pittsburgh",
            "part": "pitts30k",
            "expected": "pitts30k",
        }
    }
    params["photometric"] = {
        "pitts30k_night": {
            "day": "pitts30k",
            "style": "meant",
            "format": "jpg",
            "quality": 75,
            "max_failed": 0.0,
        }
    }
    params["merge"] = {
        "pitts30k_dn": {"day": "pitts30k", "night": "pitts30k_night", "keep_nights": 1.0, "seed": 0}
    }
    made.set_params(params)
    return made


def test_the_whole_size_runs_is_merged_without_a_copy_and_pushed(project: Project, tmp_path: Path) -> None:
    times = {}

    def timed(what: str, *command: str) -> None:
        start = time.monotonic()
        project.dvc(*command)
        times[what] = time.monotonic() - start

    for stage in ("format@pitts30k", "photometric@pitts30k_night", "merge@pitts30k_dn"):
        timed(stage, "repro", "--single-item", stage)
    sets = project.root / "data" / "sets"
    day, night, merged = (
        ImageSet.open(sets / name) for name in ("pitts30k", "pitts30k_night", "pitts30k_dn")
    )
    assert len(day.rows) == len(night.rows) == IMAGES
    assert day.counts() == read_source("pitts30k").expected
    assert len(merged.rows) == 2 * IMAGES
    for part in (day, night):
        assert all(merged.path(row).samefile(part.path(row)) for row in part.rows[::997])
    remote = tmp_path / "remote"
    project.dvc("remote", "add", "-d", "here", str(remote))
    timed("push", "push", str(sets / "pitts30k_dn"))
    objects = sum(path.is_file() for path in (remote / "files" / "md5").rglob("*"))
    # Every distinct image once, manifest, terms, the record of the nights, and the list of the folder.
    assert objects == len({row.digest for row in merged.rows}) + 4
    print({what: f"{seconds:.0f} s" for what, seconds in times.items()})
