from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.formatting import build_set
from pipeline.datasets.formatting.build_set import RawImage, Recode, format_set, shorter_side_size
from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import BadArchiveError, BadImageError, MissingInputError, SetError
from tests.datasets.raw_forms import jpeg, picture, png


def raw_image(number: int, data: bytes, *, recode: Recode | None = None, time_of_day: str = "") -> RawImage:
    file_name = name_at_utm(585_000.0, 4_477_000.0, 17, "T", Details(pano_id=number)).encode()
    source = f"000.tar/000/{number:06d}.jpg"
    return RawImage("train", "database", file_name, source, lambda: data, time_of_day, recode)


def test_bytes_are_copied_and_measured(tmp_path: Path) -> None:
    data = jpeg(64, 48)
    made = format_set([raw_image(1, data, time_of_day="sunset")], tmp_path / "set", workers=1)
    (row,) = made.rows
    assert made.read(row) == data
    assert (row.width, row.height, row.size, row.time_of_day) == (64, 48, len(data), "sunset")
    assert row.source == "000.tar/000/000001.jpg"
    assert ImageSet.open(tmp_path / "set") == made


def test_recoding_makes_the_default_jpeg_of_the_upright_rgb_picture(tmp_path: Path) -> None:
    made = format_set([raw_image(1, png(), recode=Recode(75))], tmp_path / "set", workers=1)
    expected = io.BytesIO()
    picture().save(expected, "JPEG")
    assert made.read(made.rows[0]) == expected.getvalue()
    assert (made.rows[0].width, made.rows[0].height) == (64, 48)


@pytest.mark.parametrize(
    ("size", "expected"), [((20, 15), (64, 48)), ((300, 401), (48, 64)), ((48, 48), (48, 48))]
)
def test_recoding_resizes_both_ways(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = format_set([raw_image(1, png(*size), recode=Recode(75, 48))], tmp_path / "set", workers=1)
    stream = io.BytesIO()
    picture(*size).resize(expected, Image.Resampling.BILINEAR).save(stream, "JPEG")
    assert made.read(made.rows[0]) == stream.getvalue()
    assert (made.rows[0].width, made.rows[0].height) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (640, 480)),
        ((301, 400), (480, 637)),
        ((400, 301), (637, 480)),
        ((100, 100), (480, 480)),
        ((3264, 2448), (640, 480)),
        ((1, 10_000), (480, 4_800_000)),
    ],
)
def test_the_longer_side_is_cut_to_whole_pixels(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shorter_side_size(*size, 480) == expected


def test_sizes_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    picture(64, 48).save(stream, "JPEG", exif=exif)
    made = format_set([raw_image(1, stream.getvalue())], tmp_path / "set", workers=1)
    assert (made.rows[0].width, made.rows[0].height) == (48, 64)


def test_every_broken_image_is_named_and_the_set_is_none(tmp_path: Path) -> None:
    def torn() -> bytes:
        raise BadArchiveError("000.tar is truncated: member 000/000005.jpg has 3 of 9 bytes", hint="again")

    def gone() -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    images = [raw_image(1, jpeg()), raw_image(2, jpeg()[:300]), raw_image(3, b""), raw_image(4, b"<html>")]
    images += [
        RawImage("test", "queries", images[0].file_name, "000.tar/000/000005.jpg", torn),
        RawImage("val", "queries", images[0].file_name, "folder/6.jpg", gone),
    ]
    with pytest.raises(BadImageError) as caught:
        format_set(images, tmp_path / "set", workers=2)
    first, *reasons = caught.value.message.splitlines()
    assert first == "5 of 6 images cannot be read:"
    assert [reason.strip().split(": ", 1)[0] for reason in reasons] == [
        "000.tar/000/000002.jpg",
        "000.tar/000/000003.jpg",
        "000.tar/000/000004.jpg",
        "000.tar is truncated",
        "folder/6.jpg",
    ]
    assert reasons[-1].strip() == "folder/6.jpg: cannot be read (No such file or directory)"
    with pytest.raises(MissingInputError, match="no dataset"):
        ImageSet.open(tmp_path / "set")


def test_a_reader_that_fails_leaves_no_manifest(tmp_path: Path) -> None:
    def reader() -> Iterator[RawImage]:
        yield raw_image(1, jpeg())
        raise BadArchiveError("000.tar is damaged")

    with pytest.raises(BadArchiveError, match="is damaged"):
        format_set(reader(), tmp_path / "set", workers=2)
    assert not (tmp_path / "set" / "manifest.csv").exists()


def test_neither_workers_nor_order_change_the_set(tmp_path: Path) -> None:
    images = [raw_image(number, png(seed=number), recode=Recode(75, 40)) for number in range(12)]
    digests = {
        format_set(order, tmp_path / f"{workers}{index}", workers=workers).digest
        for workers in (1, 3)
        for index, order in enumerate((images, images[::-1]))
    }
    assert len(digests) == 1


def test_every_image_is_decoded_exactly_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    original = build_set.open_rgb

    def counted(data: bytes, *, label: str) -> Image.Image:
        decoded.append(label)
        return original(data, label=label)

    monkeypatch.setattr(build_set, "open_rgb", counted)
    images = [raw_image(number, png(), recode=Recode(75, 40) if number % 2 else None) for number in range(6)]
    format_set(images, tmp_path / "set", workers=2)
    assert sorted(decoded) == [image.source for image in images]


def test_memory_stays_flat(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    data = stream.getvalue()

    def images(count: int) -> Iterator[RawImage]:
        for number in range(count):
            # A copy each, as a reader would hold it.
            yield raw_image(number, bytes(bytearray(data)))

    peaks = []
    for count in (20, 80):
        tracemalloc.start()
        format_set(images(count), tmp_path / str(count), workers=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 10 * len(data)


def test_counts_that_are_not_the_expected_ones_are_refused_and_named(tmp_path: Path) -> None:
    images = [raw_image(number, jpeg(seed=number)) for number in range(3)]
    expected = {"train/database": 3}
    made = format_set(images, tmp_path / "set", workers=1, expected=expected)
    with pytest.raises(
        SetError, match="numbers of images differ from those of the published dataset"
    ) as caught:
        format_set(
            images[:2], tmp_path / "set", workers=1, expected={"train/database": 3, "test/queries": 1_000}
        )
    assert "train/database: 2 instead of 3" in str(caught.value)
    assert "test/queries: 0 instead of 1,000" in str(caught.value)
    assert "set expected: null" in str(caught.value)
    assert ImageSet.open(tmp_path / "set") == made
