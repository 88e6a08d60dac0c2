from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core.files import digest_bytes
from pipeline.core.image_io import read_rgb
from pipeline.night.engine.translate_image import Failed, Task, Translated, attempt
from pipeline.night.records.translator import OutputFormat
from tests.night.fakes import FAULTY, JPG, PNG, REFUSED, Darkened, picture, plain


class Unchanged(Darkened):
    """Gives back what it is given."""

    def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray | Darkened:
        return self if pixels is None else pixels


def tried(
    tmp_path: Path,
    data: bytes,
    translator: Darkened | None = None,
    output: OutputFormat = PNG,
    name: str = "day.jpg",
) -> Translated | Failed:
    path = tmp_path / name
    path.write_bytes(data)
    return attempt(Task(str(path), digest_bytes(data)), translator or Unchanged(), output)


def test_a_night_is_what_the_translator_gives(tmp_path: Path) -> None:
    made = tried(tmp_path, picture(1), Darkened(2))
    assert isinstance(made, Translated)
    assert (made.width, made.height) == (16, 12)
    assert np.array_equal(read_rgb(made.data), read_rgb(picture(1)) // 2)


def test_a_picture_may_be_a_part_of_a_file(tmp_path: Path) -> None:
    data = picture(1)
    path = tmp_path / "shard.tar"
    path.write_bytes(b"before" + data + b"after")
    task = Task(str(path), digest_bytes(data), 6, len(data))
    assert attempt(task, Unchanged(), PNG) == tried(tmp_path, data)


def test_a_jpeg_has_the_quality_asked_for(tmp_path: Path) -> None:
    sizes = []
    for quality in (20, 90):
        made = tried(tmp_path, picture(1, 64, 48), output=OutputFormat(".jpg", quality))
        assert isinstance(made, Translated)
        with Image.open(io.BytesIO(made.data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 48))
        sizes.append(len(made.data))
    assert sizes[0] < sizes[1]


def test_what_cannot_be_decoded_has_a_reason_that_names_no_file(tmp_path: Path) -> None:
    assert tried(tmp_path, b"<html>") == Failed("not an image that can be read", "image")


def test_a_night_too_long_for_a_jpeg_is_a_reason(tmp_path: Path) -> None:
    class Stretched(Darkened):
        def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray | Darkened:
            return self if pixels is None else np.zeros((1, 70_000, 3), np.uint8)

    long = tried(tmp_path, picture(1), Stretched(), JPG)
    assert long == Failed("70000x1 pixels, but a JPEG's sides are at most 65,500", "image")
    assert isinstance(tried(tmp_path, picture(1), Stretched(), PNG), Translated)


def test_what_a_translator_refuses_is_the_pictures_own_reason(tmp_path: Path) -> None:
    assert tried(tmp_path, plain(REFUSED), Darkened()) == Failed("too plain to be translated", "image")


def test_what_a_translator_breaks_on_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    assert tried(tmp_path, plain(FAULTY), Darkened()) == Failed("RuntimeError: out of order", "fault")


@pytest.mark.parametrize(
    "given",
    [np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 4), np.uint8), None, "night"],
)
def test_only_bytes_of_three_channels_are_a_night(tmp_path: Path, given: object) -> None:
    class Wrong(Darkened):
        def __call__(self, pixels: np.ndarray | None = None) -> object:
            return self if pixels is None else given

    outcome = tried(tmp_path, picture(1), Wrong())
    assert isinstance(outcome, Failed)
    assert outcome.cause == "fault"
    assert outcome.reason.startswith("DusklineError: the translator returned ")


def test_a_file_that_cannot_be_read_may_be_readable_another_time(tmp_path: Path) -> None:
    missing = attempt(Task(str(tmp_path / "no.jpg"), "0" * 64), Unchanged(), JPG)
    assert missing == Failed("cannot be read (No such file or directory)", "reading")
    folder = attempt(Task(str(tmp_path), "0" * 64), Unchanged(), JPG)
    assert folder == Failed("not a plain file", "reading")


def test_a_file_that_is_not_the_one_meant_is_not_translated(tmp_path: Path) -> None:
    path = tmp_path / "day.jpg"
    path.write_bytes(picture(2))
    outcome = attempt(Task(str(path), digest_bytes(picture(1))), Unchanged(), JPG)
    assert outcome == Failed("its content changed after its digest was computed", "fault")


def test_a_file_of_absurd_length_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "day.jpg"
    with path.open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    outcome = attempt(Task(str(path), "0" * 64), Unchanged(), JPG)
    assert outcome == Failed("a file of 1,073,741,825 bytes, more than the limit of 1,073,741,824", "image")
