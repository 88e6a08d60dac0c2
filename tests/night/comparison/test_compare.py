"""The same days through several translators: columns, numbers, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.image_io import encode, read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.comparison import image_metrics
from pipeline.night.comparison.compare import Candidate, compare_translators
from pipeline.night.comparison.comparison_files import Measured, read_measures, read_shown
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.runtime.errors import BadImageError, CheckpointError, DusklineError, ParameterError, SetError
from tests.night.fakes import Darkened, day_name, picture, tree, without_checkpoint, write_days

MEANT = Candidate("photometric", "meant", partial(PhotometricTranslator, "meant"), optional=False)
DARK = Candidate("checkpoint", "dark", Darkened(4), optional=True)
LOST = Candidate("checkpoint", "lost", without_checkpoint, optional=True)


def refusing() -> Refusing:
    return Refusing()


class Refusing(Darkened):
    def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray:  # noqa: ARG002
        raise BadImageError("image: too large for this network")


@pytest.fixture
def day(tmp_path: Path) -> ImageSet:
    pictures = {day_name(number, "test/queries"): picture(number, 32, 24) for number in range(5)}
    return write_days(tmp_path / "days", pictures | {day_name(9): picture(9, 32, 24)})


def true_nights(members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    for member in sorted(members, reverse=True):
        number = int(member.split("@")[7])
        yield member, encode(read_rgb(picture(number, 32, 24)) // 5, ".png", quality=1)


def test_days_nights_and_true_nights_side_by_side(day: ImageSet, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = compare_translators(out, day, "test", 3, [MEANT, DARK], true_nights)
    assert [(row.kind, row.name, row.images) for row in rows] == [
        ("day", "day", 3),
        ("photometric", "meant", 3),
        ("darkened", "dark", 3),
        ("true night", "true night", 3),
    ]
    assert [row.name for row in read_measures(out)] == [row.name for row in rows]
    shown = read_shown(out)
    assert len(shown) == 12
    assert set(tree(out)) == {"sheet.jpg", "measures.csv", "images.csv", *(one.file for one in shown)}
    # Evenly spread over the five of the split.
    assert sorted({int(one.day.split("@")[7]) for one in shown}) == [0, 2, 4]
    for one in shown:
        if one.name == "dark":
            wanted = read_rgb(day.root / one.day) // 4
            assert np.abs(read_rgb(out / one.file).astype(int) - wanted).mean() < 8


def test_numbers_are_means_over_the_pictures(day: ImageSet, tmp_path: Path) -> None:
    rows = compare_translators(tmp_path / "out", day, "test", 5, [DARK], true_nights)
    days = [read_rgb(day.path(row)) for row in day.where("test")]
    found = {row.name: row for row in rows}
    assert found["dark"].brightness == pytest.approx(
        np.mean([image_metrics.brightness(one // 4) for one in days])
    )
    assert found["dark"].contrast == pytest.approx(
        np.mean([image_metrics.contrast(one // 4) for one in days])
    )
    assert found["dark"].visible_edges == pytest.approx(
        np.mean([image_metrics.visible_edges(one, one // 4) for one in days])
    )
    assert found["dark"].psnr == pytest.approx(
        np.mean([image_metrics.psnr(one // 4, one // 5) for one in days])
    )
    assert found["dark"].ssim == pytest.approx(
        np.mean([image_metrics.ssim(one // 4, one // 5) for one in days])
    )
    assert found["dark"].digest == Darkened(4).digest
    assert found["day"].visible_edges == 1
    assert found["day"].psnr is not None
    assert found["day"].psnr < found["dark"].psnr
    assert (found["true night"].psnr, found["true night"].ssim) == (None, None)


def test_without_true_nights_nothing_is_said_of_them(day: ImageSet, tmp_path: Path) -> None:
    rows = compare_translators(tmp_path / "out", day, "test", 1, [DARK], None)
    assert [row.name for row in rows] == ["day", "dark"]
    assert {(row.psnr, row.ssim) for row in rows} == {(None, None)}


def test_what_cannot_be_used_is_named_and_the_others_are_shown(day: ImageSet, tmp_path: Path) -> None:
    out = tmp_path / "out"
    large = Candidate("checkpoint", "large", refusing, optional=True)
    rows = compare_translators(out, day, "test", 2, [LOST, MEANT, large, DARK], None)
    reasons = {row.name: row.reason for row in rows}
    assert reasons == {
        "day": "",
        "lost": "no checkpoint here",
        "meant": "",
        "large": "image: too large for this network",
        "dark": "",
    }
    lost = next(row for row in read_measures(out) if row.name == "lost")
    assert lost == Measured("checkpoint", "lost", 0, None, None, None, None, None, "", "no checkpoint here")
    assert {one.name for one in read_shown(out)} == {"day", "meant", "dark"}


def test_checkpoints_of_which_none_can_be_used_are_an_error(day: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(
        DusklineError, match="none of the 1 checkpoints can be used:\n    lost: no checkpoint"
    ):
        compare_translators(tmp_path / "out", day, "test", 2, [MEANT, LOST], None)
    assert not (tmp_path / "out").exists()


def test_what_must_be_there_is_an_error_of_its_own(day: ImageSet, tmp_path: Path) -> None:
    needed = Candidate("photometric", "needed", without_checkpoint, optional=False)
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        compare_translators(tmp_path / "out", day, "test", 2, [needed, DARK], None)


def test_the_same_comparison_is_the_same_bytes_and_replaces_the_older_one(
    day: ImageSet, tmp_path: Path
) -> None:
    classical = Candidate(
        "photometric", "classical", partial(PhotometricTranslator, "classical"), optional=False
    )
    first = tmp_path / "first"
    compare_translators(first, day, "test", 5, [MEANT, LOST, DARK], true_nights)
    again = [tmp_path / "again", first]
    for out in again:
        compare_translators(out, day, "test", 2, [classical, DARK], true_nights)
    assert tree(again[0]) == tree(again[1])


def test_an_empty_split_and_no_pictures_are_refused(day: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(SetError, match=r"split val of .*days is empty"):
        compare_translators(tmp_path / "out", day, "val", 2, [DARK], None)
    with pytest.raises(ParameterError, match="at least one image, not 0"):
        compare_translators(tmp_path / "out", day, "test", 0, [DARK], None)
