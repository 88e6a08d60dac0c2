from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.vpr.results import thumbnails
from pipeline.vpr.results.ground_truth import Nearest
from pipeline.vpr.results.predictions import Prediction
from pipeline.vpr.results.query_results import QueryResult
from pipeline.vpr.results.thumbnails import COPIES, Thumbnail, Thumbnails, write_thumbnails
from tests.report.made_up_finds import colour_picture, write_archive
from tests.vpr.places import SIDE, write_places


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "city", places=6, views=1)


def answered(images: ImageSet, places: list[int]) -> tuple[list[QueryResult], dict[str, Nearest]]:
    """Each query was sent to the place of its number in `places`, and its own lies nearest."""
    database, queries = (images.where("test", role) for role in ("database", "queries"))
    answers, nearest = [], {}
    for query, place in enumerate(places):
        right = query == place
        off, names = 1.0 if right else 100.0 + query, (queries[query].name, database[place].name)
        find = Prediction(names[0], 1, names[1], off, 0.5, right, 0.0, 0.0, 0.0, 0.0)
        answers.append(QueryResult(1 if right else None, (find,)))
        nearest[queries[query].name] = Nearest(database[query].name, 0.0, 0.0, 1.0)
    return answers, nearest


def test_each_picture_is_there_once_under_its_name(images: ImageSet, tmp_path: Path) -> None:
    answers, nearest = answered(images, [1, 1, 0])
    write_thumbnails(tmp_path / COPIES, answers, nearest, images)
    rows = {row.name: row for row in images.rows}
    copies = Thumbnails(tmp_path / COPIES)
    # The worst query, the nearest to it, what was found; then what the others add.
    database = [row.name for row in images.where("test", "database")]
    asked = [answer.query for answer in answers]
    assert list(copies.copies) == [asked[2], database[2], database[0], asked[0], database[1], asked[1]]
    for name, copy in copies.copies.items():
        small = read_rgb(copies.read(name)).astype(int)
        assert small.shape == (SIDE, SIDE, 3)
        assert np.abs(small - read_rgb(images.read(rows[name])).astype(int)).mean() < 10
        assert copy == Thumbnail(name, copy.checksum, len(copies.read(name)))


def test_only_the_most_telling_have_pictures(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "PICTURED", 2)
    answers, nearest = answered(images, [0, 2, 1, 3])
    write_thumbnails(tmp_path / COPIES, answers, nearest, images)
    copies = Thumbnails(tmp_path / COPIES)
    asked = [name for name in copies.copies if "/queries/" in name]
    assert asked == [answers[2].query, answers[1].query]


def test_the_same_pictures_give_the_same_bytes(images: ImageSet, tmp_path: Path) -> None:
    answers, nearest = answered(images, [1, 0, 2])
    for place in ("one", "other"):
        write_thumbnails(tmp_path / place / COPIES, answers, nearest, images)
    assert (tmp_path / "one" / COPIES).read_bytes() == (tmp_path / "other" / COPIES).read_bytes()


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file: .*pictures\.zip"):
        Thumbnails(tmp_path / COPIES)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / COPIES).write_bytes(b"no archive")
    with pytest.raises(DusklineError, match="is not an archive of thumbnails"):
        Thumbnails(tmp_path / COPIES)


def test_what_could_unfold_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path / COPIES, {"a": b"\xff\xd8" + bytes(10_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DusklineError, match="a is compressed or encrypted"):
        Thumbnails(tmp_path / COPIES)


def test_what_is_no_jpeg_is_refused(tmp_path: Path) -> None:
    write_archive(tmp_path / COPIES, {"a": b"<svg onload=alert(1)>"})
    copies = Thumbnails(tmp_path / COPIES)
    with pytest.raises(DusklineError, match="a is not a JPEG"):
        copies.read("a")


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    picture = colour_picture("a")
    write_archive(tmp_path / COPIES, {"a": picture})
    whole = (tmp_path / COPIES).read_bytes()
    (tmp_path / COPIES).write_bytes(whole.replace(picture, picture[:100] + b"?" + picture[101:]))
    copies = Thumbnails(tmp_path / COPIES)
    with pytest.raises(DusklineError, match="a is damaged"):
        copies.read("a")
