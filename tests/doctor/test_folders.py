"""Real folders and disks: too small, apart from each other, not to be written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.doctor import folders as folders_module
from pipeline.doctor.findings import note
from pipeline.doctor.folders import Folders, can_link, check_links, check_room, check_writing
from pipeline.forecast.disk_need import Need
from tests.small_disk import small_disk

WANTED = ("hardlink", "copy")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    for name in ("data", "cache", "work", "archives"):
        (tmp_path / name).mkdir()
    return Folders(tmp_path, *(tmp_path / name for name in ("data", "cache", "work", "archives")))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk than the temporary folder: a small one, or that of shared memory."""
    with small_disk(tmp_path / "elsewhere", 1 << 20) as mounted:
        place = tmp_path / "elsewhere" if mounted else Path("/dev/shm")
        assert place.stat().st_dev != tmp_path.stat().st_dev, "no second disk to test with"
        yield place


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_folders_that_are_well_and_left_as_they_were(folders: Folders) -> None:
    assert [finding.grade for finding in check_writing(folders)] == ["ok"]
    assert [finding.grade for finding in check_links(folders, WANTED)] == ["ok"]
    assert _files(folders.project) == []


def test_folders_that_are_not_there_yet_are_judged_by_where_they_will_be(tmp_path: Path) -> None:
    there = Folders(tmp_path, *(tmp_path / "new" / name for name in ("data", "cache", "work", "archives")))
    grades = [finding.grade for finding in (*check_writing(there), *check_links(there, WANTED))]
    assert grades == ["ok", "ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_to(folders: Folders) -> None:
    # Of which not even the superuser may.
    [found] = check_writing(replace(folders, cache=Path("/proc")))
    assert (found.grade, found.found.startswith("cannot write into /proc (")) == ("fault", True)
    assert "chmod" in found.advice


def test_a_cache_on_another_disk(folders: Folders, elsewhere: Path) -> None:
    apart = replace(folders, cache=elsewhere)
    assert not can_link(elsewhere, folders.data)
    [found] = check_links(apart, WANTED)
    assert found.grade == "warning"
    assert "they are on two disks: DVC copies, and every file is on disk twice" in found.found
    assert found.advice == "move the cache onto the disk of the project: dvc cache dir --local FOLDER"
    said = [finding.found for finding in check_room(apart, [Need("set day", "data", 5_000)])]
    assert any(text.startswith(str(elsewhere)) and "copies in DVC's cache 5 kB" in text for text in said)


def test_a_disk_without_hard_links(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    [found] = check_links(folders, WANTED)
    assert (found.grade, "this disk has no hard links" in found.found) == ("warning", True)
    [found] = check_links(folders, ("copy",))
    assert (found.grade, found.advice) == ("warning", "dvc config cache.type hardlink,copy")


def test_a_disk_that_refuses_long_names(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "_LONG_NAME", "x" * 400)  # longer than any disk takes
    [found] = check_writing(folders)
    assert (found.grade, f"{folders.data} (File name too long)" in found.found) == ("fault", True)


def test_a_disk_that_takes_capitals_for_small_letters(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name.startswith(".DUSKLINE") or exists(path))
    [found] = check_writing(folders)
    assert (found.grade, "are the same file" in found.found) == ("warning", True)


def test_room_for_all(folders: Folders) -> None:
    needs = [Need("set day", "data", 2_000_000), Need("states", "work", 1_000_000, shared=False)]
    found = list(check_room(folders, needs))
    assert found[0].grade == "ok"
    # One disk, and links on it: nothing is counted twice.
    assert "about 3 MB needed" in found[0].found
    assert "(set day 2 MB, states 1 MB)" in found[0].found
    assert found[1].found.startswith("assumed: 40 kB for a street view")


def test_a_disk_that_is_too_small(folders: Folders, elsewhere: Path) -> None:
    found = list(check_room(replace(folders, work=elsewhere), [Need("nights night", "work", 10**14)]))
    of_work = next(finding for finding in found if finding.found.startswith(str(elsewhere)))
    assert (of_work.grade, "about 100 TB needed" in of_work.found) == ("fault", True)
    assert "DUSKLINE_WORK" in of_work.advice
    # What cannot be linked across is copied, and counted again.
    assert "copies of nights night" in next(finding.found for finding in found if finding is not of_work)


def test_a_disk_that_is_just_large_enough_and_what_is_not_known(folders: Folders) -> None:
    room = shutil.disk_usage(folders.data).free
    found = list(check_room(folders, [Need("set day", "data", int(room * 0.9)), Need("mine", "data", None)]))
    assert found[0].grade == "warning"
    assert found[1] == note("not counted, because their size is unknown: mine")
