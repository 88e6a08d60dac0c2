"""Real folders and disks: too small, apart from each other, not to be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.doctor import folders as folders_module
from pipeline.doctor.findings import Finding
from pipeline.doctor.folders import (
    Folders,
    can_link,
    check_links,
    check_names,
    check_permission,
    check_room,
)
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
    assert [finding.grade for finding in check_permission(folders)] == ["ok"]
    assert [finding.grade for finding in check_names(folders)] == ["ok"]
    assert [finding.grade for finding in check_links(folders, WANTED)] == ["ok"]
    assert _files(folders.project) == []


def test_folders_that_are_not_there_yet_are_judged_by_where_they_will_be(tmp_path: Path) -> None:
    there = Folders(tmp_path, *(tmp_path / "new" / name for name in ("data", "cache", "work", "archives")))
    grades = [finding.grade for finding in (*check_permission(there), *check_links(there, WANTED))]
    assert grades == ["ok", "ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_to(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.cache.chmod(0o555)
    if os.access(folders.cache, os.W_OK):
        # The superuser may write anywhere but onto a disk that is mounted for reading.
        mount = ["mount", "-t", "tmpfs", "-o", "ro,size=4096", "none", str(folders.cache)]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if not mounted:
            monkeypatch.setattr(folders_module, "_probe", _refuse)
    else:
        mounted = False
    try:
        [found] = check_permission(folders)
    finally:
        if mounted:
            subprocess.run(["umount", str(folders.cache)], check=True)
    assert found.grade == "fault"
    assert str(folders.cache) in found.found
    assert "chmod" in found.advice


def _refuse(folder: Path, name: str = "") -> None:
    raise PermissionError(13, "Permission denied", str(folder / name))


def test_a_cache_on_another_disk(folders: Folders, elsewhere: Path) -> None:
    apart = Folders(folders.project, folders.data, elsewhere, folders.work, folders.archives)
    assert not can_link(elsewhere, folders.data)
    [found] = check_links(apart, WANTED)
    assert found.grade == "warning"
    assert "it is on another disk: DVC copies, and everything lies on disk twice" in found.found
    assert found.advice == "move the cache onto the disk of the project: dvc cache dir --local FOLDER"


def test_a_disk_without_hard_links(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    [found] = check_links(folders, WANTED)
    assert (found.grade, "this disk has no hard links" in found.found) == ("warning", True)


def test_a_cache_that_is_told_to_copy(folders: Folders) -> None:
    [found] = check_links(folders, ("copy",))
    assert (found.grade, found.advice) == ("warning", "dvc config cache.type hardlink,copy")


def test_a_disk_that_refuses_long_names(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "_LONGEST_NAME", 400)  # longer than any disk takes
    [found] = check_names(folders)
    assert found.grade == "fault"
    assert "File name too long" in found.found


def test_a_disk_that_takes_capitals_for_small_letters(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.name.endswith("-A.jpg") or exists(path))
    [found] = check_names(folders)
    assert (found.grade, "for one file" in found.found) == ("warning", True)


def test_room_for_all(folders: Folders) -> None:
    needs = [Need("set day", "data", 2_000_000, shared=True, linked=True), Need("states", "work", 1_000_000)]
    found = list(check_room(folders, needs, []))
    assert found[0].grade == "ok"
    # One disk, and links on it: nothing is counted twice.
    assert "about 3 MB to come" in found[0].found
    assert "(set day 2 MB, states 1 MB)" in found[0].found
    assert found[1].found.startswith("assumed: 40 kB for a street view")


def test_a_disk_that_is_too_small(folders: Folders, elsewhere: Path) -> None:
    there = Folders(folders.project, folders.data, folders.cache, elsewhere, folders.archives)
    nights = Need("nights night", "work", 10**14, shared=True, linked=True)
    found = list(check_room(there, [nights], []))
    of_work = next(finding for finding in found if finding.found.startswith(str(elsewhere)))
    assert of_work.grade == "fault"
    assert "about 100 TB to come" in of_work.found
    assert "DUSKLINE_WORK" in of_work.advice
    # What cannot be linked across is copied, and counted again.
    assert f"copies of {nights.what}" in next(finding.found for finding in found if finding is not of_work)


def test_a_disk_that_is_just_large_enough(folders: Folders) -> None:
    free = os.statvfs(folders.data)
    room = free.f_bavail * free.f_frsize
    [found, _] = check_room(folders, [Need("set day", "data", int(room * 0.9))], [])
    assert found.grade == "warning"


def test_copies_in_a_cache_apart_are_counted(folders: Folders, elsewhere: Path) -> None:
    apart = Folders(folders.project, folders.data, elsewhere, folders.work, folders.archives)
    found = list(check_room(apart, [Need("set day", "data", 5_000, shared=True)], []))
    of_cache = next(finding for finding in found if finding.found.startswith(str(elsewhere)))
    assert "copies in DVC's cache 5 kB" in of_cache.found


def test_what_nobody_knows_the_size_of_is_said(folders: Folders) -> None:
    found = list(check_room(folders, [], ["set mine"]))[-1]
    assert found == Finding("disk", "note", "not counted, as their size is not known: set mine")


def test_a_check_that_is_killed_in_the_middle_leaves_a_hidden_file_at_most(folders: Folders) -> None:
    script = (
        "import os, pathlib; from pipeline.doctor import folders\n"
        f"with folders._probe(pathlib.Path({str(folders.data)!r})): os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    [left] = _files(folders.data)
    assert left.name.startswith(".duskline-")
