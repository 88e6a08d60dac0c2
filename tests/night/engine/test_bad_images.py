"""Every kind of bad and odd image at once, through files, workers, the real translator and the store."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.core.files import digest_bytes
from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.records.provenance import Origin, read_origins
from pipeline.night.records.summary import NightSummary
from pipeline.runtime.errors import DusklineError
from stages.unit_factory import UnitFactory
from tests.night.fakes import PNG, Nightly, day_name, saved, write_days
from unit.network.pixels import MAX_MODEL_PIXELS
from unit.network.settings import UnitSettings
from unit.translation.translate import UnitTranslator

CHECKPOINT = Path(__file__).parents[2] / "data" / "unit" / "gen_dim8.pt"
SETTINGS = UnitSettings("day2night", 32, "none", "source", "network", "float32")
NOISE = np.random.default_rng(5).integers(0, 256, (36, 48, 3), dtype=np.uint8)
WIDE = np.arange(36 * 48, dtype=np.uint16).reshape(36, 48) * 37


def black(width: int, height: int) -> bytes:
    """A whole PNG of one bit for each pixel, however large: a small file that unfolds to all of them."""
    row = b"\0" * (1 + (width + 7) // 8)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(row * height, 1)),
        (b"IEND", b""),
    ]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(NOISE), "PNG", exif=exif)


def grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels[..., None], 3, axis=2)


def of_colour(width: int, height: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


OPACITY = np.arange(36 * 48, dtype=np.uint8).reshape(36, 48, 1)
ALPHA = Image.fromarray(np.dstack([NOISE, OPACITY]))
OVER_WHITE = np.rint(255 - (255.0 - NOISE) * OPACITY / 255).astype(np.uint8)
CMYK = saved(Image.new("CMYK", (48, 36), (255, 0, 0, 0)), "JPEG", quality=95)
WHOLE = saved(Image.fromarray(NOISE), "JPEG", quality=95)

# What is odd and has a night, and the pixels that a person would see in it.
ODD: dict[str, tuple[bytes, np.ndarray]] = {
    "CMYK": (CMYK, of_colour(48, 36, (0, 255, 255))),
    "16 bits": (saved(Image.fromarray(WIDE), "PNG"), grey((WIDE // 257).astype(np.uint8))),
    "alpha": (saved(ALPHA, "PNG"), OVER_WHITE),
    "turned by EXIF": (turned(), np.rot90(NOISE, -1)),
    "1x1": (saved(Image.new("RGB", (1, 1), (200, 10, 10)), "PNG"), of_colour(1, 1, (200, 10, 10))),
    "3x1": (saved(Image.new("RGB", (3, 1), (9, 90, 9)), "PNG"), of_colour(3, 1, (9, 90, 9))),
}

# What has no night, and the beginning of the reason.
BAD: dict[str, tuple[bytes, str]] = {
    "truncated": (WHOLE[: len(WHOLE) // 2], "cannot be decoded (Premature end of JPEG file)"),
    "empty": (b"", "empty"),
    "not an image": (b"<html>404</html>", "not an image that can be read"),
    "bomb": (black(20_000, 20_000), "cannot be decoded (Image size (400000000 pixels) exceeds limit"),
    "smaller bomb": (black(9_000, 9_000), "9000x9000 pixels, more than the limit of 64,000,000"),
    "bomb when resized": (
        black(20_000, 1),
        f"an image of 20000x1 pixels would be 32x640000 in the network, more than the limit of"
        f" {MAX_MODEL_PIXELS:,} pixels",
    ),
    "bomb when resized, upright": (black(1, 20_000), "an image of 1x20000 pixels would be 32x640000"),
}


def to_a_pipe(path: Path) -> None:
    os.mkfifo(path)


def to_itself(path: Path) -> None:
    path.symlink_to(path)


def to_a_bad_disk(path: Path) -> None:
    # The start of a process's memory is nowhere: the kernel answers as a broken disk does.
    path.symlink_to("/proc/self/mem")


# What happens to a file after the set was made, and the reason why it cannot be read.
LOST: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (to_a_pipe, "not a plain file"),
    "loop": (to_itself, "cannot be read (Too many levels of symbolic links)"),
    "bad disk": (to_a_bad_disk, "cannot be read (Input/output error)"),
}
NAMES = {kind: day_name(number) for number, kind in enumerate([*ODD, *BAD, *LOST])}


def day_set(root: Path) -> ImageSet:
    """A set of one image of each kind, and three good ones."""
    pictures = {NAMES[kind]: data for kind, (data, _) in (ODD | BAD).items()}
    pictures |= {NAMES[kind]: saved(Image.fromarray(NOISE // 2), "PNG") + kind.encode() for kind in LOST}
    for number in range(3):
        pictures[day_name(100 + number)] = saved(Image.fromarray(NOISE // (number + 3)), "PNG")
    written = write_days(root, pictures)
    for kind, (become, _) in LOST.items():
        (root / NAMES[kind]).unlink()
        become(root / NAMES[kind])
    # A manifest knows no empty files, so this one is emptied behind its back.
    empty = NAMES["empty"]
    (root / empty).write_bytes(b"")
    rows = (replace(row, digest=digest_bytes(b"")) if row.name == empty else row for row in written.rows)
    return ImageSet(root, tuple(rows), written.digest)


@dataclass(frozen=True)
class Outcome:
    """Two runs over the same set: one that allows too few failures, and one that allows enough."""

    refused: DusklineError
    nothing_yet: bool
    summary: NightSummary
    night: ImageSet
    origins: dict[str, Origin]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    base = tmp_path_factory.mktemp("bad")
    day = day_set(base / "day")
    failed, images = len(BAD) + len(LOST), len(day.rows)
    nightly = Nightly(base, output=PNG, max_failed=(failed - 0.5) / images)
    with pytest.raises(DusklineError) as caught:
        nightly.run(day, UnitFactory(CHECKPOINT, SETTINGS, "cpu", 1))
    nothing_yet = not nightly.out.exists()
    nightly.max_failed = failed / images
    summary = nightly.run(day, UnitFactory(CHECKPOINT, SETTINGS, "cpu", 1))
    origins = {origin.source: origin for origin in read_origins(nightly.out)}
    return Outcome(caught.value, nothing_yet, summary, ImageSet.open(nightly.out), origins)


@pytest.fixture(scope="module")
def translator() -> Iterator[UnitTranslator]:
    """The same translator here, on one thread, as workers have it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield UnitTranslator(CHECKPOINT, SETTINGS)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_image_has_the_night_of_what_is_seen_in_it(
    outcome: Outcome, translator: UnitTranslator, kind: str
) -> None:
    origin = outcome.origins[NAMES[kind]]
    assert (origin.status, origin.reason) == ("done", "")
    night = read_rgb(outcome.night.root / origin.name)
    seen = ODD[kind][1]
    assert night.shape == seen.shape
    # Colours of a CMYK file are off by a level or two, as its own are.
    tolerance = 8 if kind == "CMYK" else 0
    assert abs(night.astype(int) - translator(np.ascontiguousarray(seen))).max() <= tolerance


@pytest.mark.parametrize("kind", [*BAD, *LOST])
def test_a_bad_image_is_a_row_with_its_reason_and_no_night(outcome: Outcome, kind: str) -> None:
    origin = outcome.origins[NAMES[kind]]
    reason = BAD[kind][1] if kind in BAD else LOST[kind][1]
    assert (origin.status, origin.digest) == ("failed", "")
    assert origin.reason.startswith(reason)
    assert origin.name not in {row.name for row in outcome.night.rows}
    assert not (outcome.night.root / origin.name).exists()


def test_the_run_goes_on_to_the_end_and_names_every_reason(outcome: Outcome) -> None:
    failed = len(BAD) + len(LOST)
    assert len(outcome.night.rows) == len(ODD) + 3
    assert outcome.summary.failed == failed
    # What the bytes decide is not tried again; what could not be read is, in vain.
    assert outcome.summary.made == 0
    for said in (outcome.refused.message, str(outcome.summary)):
        assert sum(int(line.split()[0]) for line in said.splitlines() if "(first: " in line) == failed
        for reason in ("empty", "not a plain file", "cannot be read (Input/output error)"):
            assert f"{reason}  (first: images/" in said


def test_too_large_a_share_is_refused_with_the_table_and_no_set(outcome: Outcome) -> None:
    assert outcome.nothing_yet
    failed, images = len(BAD) + len(LOST), len(NAMES) + 3
    assert outcome.refused.message.startswith(f"{failed} of {images} images have no night, more than")
    assert "origins.csv" in outcome.refused.hint
