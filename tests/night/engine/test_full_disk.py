"""A disk that is full from any one write on: a clear error, nothing half-written, the next run continues."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.store import open_store
from pipeline.night.records.translator import Recipe
from pipeline.runtime.errors import DusklineError
from tests.night.fakes import JPG, Darkened, Nightly, day_name, days, picture, tree, write_days

pytestmark = pytest.mark.usefixtures("pool_here")


class Disk:
    """Takes `room` writes and no more; what is written last is cut in the middle."""

    def __init__(self, room: int) -> None:
        self.room = room

    def full(self) -> bool:
        self.room -= 1
        return self.room < 0

    def refuse(self, path: object) -> OSError:
        return OSError(errno.ENOSPC, "No space left on device", str(path))


def fill(patched: pytest.MonkeyPatch, disk: Disk) -> None:
    """Let everything that asks the disk for room ask `disk`."""

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            if disk.full():
                super().write(bytes(data)[: len(data) // 2])
                raise disk.refuse(self.name)
            return super().write(data)

    real_open, real_write = Path.open, os.write

    def opened(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode != "wb":
            return real_open(path, mode, *arguments, **options)
        if disk.full():
            raise disk.refuse(path)
        return io.BufferedWriter(File(str(path), "w"))

    def written(stream: int, data: bytes) -> int:
        if not disk.full():
            return real_write(stream, data)
        if disk.room < -1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(stream, data[: len(data) // 2])

    def asking(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if disk.full():
                raise disk.refuse(arguments[0])
            return real(*arguments, **options)

        return call

    patched.setattr(Path, "open", opened)
    patched.setattr(os, "write", written)
    for owner, name in ((Path, "mkdir"), (Path, "replace"), (os, "link")):
        patched.setattr(owner, name, asking(getattr(owner, name)))


def run_on(disk: Disk, nightly: Nightly, day: ImageSet) -> bool:
    """Whether a run found room enough; else it has said in words which file found none."""
    with pytest.MonkeyPatch.context() as patched:
        fill(patched, disk)
        try:
            nightly.run(day)
        except (DusklineError, OSError) as error:
            # Of a bare OSError the command tells the same: the file and what was wrong.
            assert "No space left on device" in str(error)
            assert str(nightly.base) in str(error)
            return False
    return True


def check_store(nightly: Nightly, day: ImageSet) -> None:
    """What the store says it has, it has, whole."""
    with open_store(nightly.store, Recipe.of(Darkened(), JPG)) as store:
        for row in day.rows:
            if store.entry(row.digest) is not None:
                assert store.state(row.digest) == "good"
                assert store.is_whole(row.digest)


@pytest.mark.parametrize("older", [False, True], ids=["nothing-there", "an-older-set-there"])
def test_wherever_the_disk_is_full_nothing_is_lost_and_the_next_run_goes_on(
    tmp_path: Path, older: bool
) -> None:
    many = days(5) | {day_name(40): picture(40)}
    day = write_days(tmp_path / "day", many)
    fewer = write_days(tmp_path / "fewer", days(2))
    first = Nightly(tmp_path / "undisturbed")
    first.base.mkdir()
    assert run_on(Disk(10**6), first, day)
    wanted = tree(first.out)
    for room in range(1000):
        nightly = Nightly(tmp_path / f"room-{room}")
        nightly.base.mkdir()
        if older:
            run_on(Disk(10**6), nightly, fewer)
        before = tree(nightly.out)
        nightly.calls()
        enough = run_on(Disk(room), nightly, day)
        assert tree(nightly.out) == (wanted if enough else before)
        assert not [path for path in nightly.base.rglob("*") if path.name.endswith(".part")]
        check_store(nightly, day)
        made = nightly.calls()
        assert run_on(Disk(10**6), nightly, day)
        assert tree(nightly.out) == wanted
        # At most the one night that found no room, or no room for its line, is made a second time.
        assert made + nightly.calls() <= len(many) - (2 if older else 0) + 1
        if enough:
            break
    assert room > 40
