from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.city.export.archive_layouts import FORMS, form_of
from pipeline.city.export.raw import draw_views, write_city, write_unpaired
from pipeline.city.rendering import render_pool
from pipeline.city.rendering.render_pool import Drawing, draw_all
from pipeline.runtime.errors import DusklineError
from tests.city.tiny import tiny


def flat_colour(task: Drawing) -> bytes:
    """A stand-in for the painter: one colour for each drawing, in no time."""
    colour = hashlib.sha256(repr(task).encode()).digest()[:3]
    stream = io.BytesIO()
    kind = "PNG" if task.suffix == ".png" else "JPEG"
    Image.new("RGB", (task.width, task.height), tuple(colour)).save(stream, kind)
    return stream.getvalue()


def end_the_process(batch: list[Drawing]) -> list[bytes]:
    os._exit(9)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_pool, "draw", flat_colour)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_forms_are_written(tmp_path: Path, quick: None) -> None:
    counts = write_city(tiny(), tmp_path / "city", workers=1)
    assert counts == {"pittsburgh": (9 + 5) * 4, "tokyo247": 3 * 4 + 6, "xs": 2 * 4 + 3}
    assert sorted(digests(tmp_path / "city")) == [
        "pittsburgh/000.tar",
        "pittsburgh/001.tar",
        "pittsburgh/002.tar",
        "pittsburgh/netvlad_v100_datasets.tar.gz",
        "pittsburgh/queries_real.tar",
        "tokyo247/03814.tar",
        "tokyo247/03815.tar",
        "tokyo247/247query_subset_v2.zip",
        "tokyo247/netvlad_v100_datasets.tar.gz",
        "xs/city_xs.zip",
    ]
    assert listing(tmp_path) == ["city"]


def test_pictures_lie_under_their_own_names(tmp_path: Path, quick: None) -> None:
    write_city(tiny(), tmp_path / "city", workers=1)
    expected = {
        picture.member: flat_colour(picture.drawing) for picture in form_of(tiny(), FORMS[0]).pictures()
    }
    found = {}
    for path in (tmp_path / "city" / "pittsburgh").glob("*.tar"):
        with tarfile.open(path) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                assert stream is not None
                found[info.name] = stream.read()
    assert found == expected


def test_a_failure_leaves_the_older_city_as_it_was(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_city(tiny(), tmp_path / "city", workers=1)
    before = digests(tmp_path / "city")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.city.export.deterministic_archives._add_to_zip", full)
    with pytest.raises(DusklineError, match=r"could not write .*city: No space left on device"):
        write_city(tiny(seed=8), tmp_path / "city", workers=1)
    assert digests(tmp_path / "city") == before
    assert listing(tmp_path) == ["city"]


def test_unpaired_pictures_by_day_and_by_night(tmp_path: Path, quick: None) -> None:
    write_unpaired(tiny(), tmp_path / "unpaired", 3, workers=1)
    found = digests(tmp_path / "unpaired")
    assert list(found) == [f"{time}/{index:06d}.jpg" for time in ("day", "night") for index in range(3)]
    assert len(set(found.values())) == 6


def test_views_at_another_time_have_the_raw_names_and_geometry(quick: None) -> None:
    every = list(form_of(tiny(), "pittsburgh").pictures())
    pictures = every[1::2]
    wanted = {picture.member for picture in pictures}
    nights = dict(draw_views(tiny(), "pittsburgh", wanted, "night", workers=1))
    assert 0 < len(pictures) < len(every)
    assert list(nights) == [picture.member for picture in pictures]
    for picture in pictures:
        assert nights[picture.member] == flat_colour(replace(picture.drawing, time_of_day="night"))


def test_a_worker_that_dies_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = [picture.drawing for picture in form_of(tiny(), "xs").pictures()]
    monkeypatch.setattr(render_pool, "_draw_batch", end_the_process)
    with pytest.raises(DusklineError, match="was killed") as caught:
        list(draw_all([*drawings], workers=2))
    assert "DUSKLINE_WORKERS=1" in str(caught.value)


def test_a_system_without_shared_memory_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("multiprocessing.synchronize._multiprocessing.SemLock", refused)
    with pytest.raises(DusklineError, match="gives processes no shared memory: Permission denied") as caught:
        list(draw_all([], workers=2))
    assert "DUSKLINE_WORKERS=1" in caught.value.hint


def test_one_real_view_by_day_and_by_night() -> None:
    one = tiny(val_places=1, test_places=1, train_places=1, query_share=0.5, yaws=1)
    first = next(form_of(one, "pittsburgh").pictures()).member
    day, night = (
        np.asarray(Image.open(io.BytesIO(next(draw_views(one, "pittsburgh", {first}, time, workers=1))[1])))
        for time in ("day", "night")
    )
    assert day.shape == night.shape == (36, 48, 3)
    assert day.mean() > night.mean() + 30
