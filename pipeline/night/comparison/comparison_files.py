"""The files of a comparison of translators: a labelled sheet, metrics, single images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pipeline.core.files import read_csv, write_csv

# The labelled sheet, in the folder beside the tables.
SHEET = "sheet.jpg"
_MEASURES = "measures.csv"
_IMAGES = "images.csv"


@dataclass(frozen=True)
class Measured:
    """A column of the sheet: means over `images`; None if a metric is undefined or unknown.

    kind: "day", "true night", the translator's kind in its record ("photometric", "unit", "resnet", "unet",
    "torchscript", "torch.export"), or "checkpoint" for a file that could not be read. brightness, contrast:
    mean and standard deviation of the luma, 0..255. visible_edges: share of the day's edges that are still
    visible. psnr (dB), ssim: compared with the true nights. digest: the translator's identity, "" for none.
    reason: why it made no nights, else "".
    """

    kind: str
    name: str
    images: int
    brightness: float | None
    contrast: float | None
    visible_edges: float | None
    psnr: float | None
    ssim: float | None
    digest: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """A single image: the day's name in its dataset, its column (`kind`, `name`), its file."""

    day: str
    kind: str
    name: str
    file: str


_MEASURES_HEADER = tuple(field.name for field in fields(Measured))
_IMAGES_HEADER = tuple(field.name for field in fields(Shown))
_NUMBERS = ("brightness", "contrast", "visible_edges", "psnr", "ssim")


def write_compared(folder: Path, measured: Iterable[Measured], shown: Iterable[Shown]) -> None:
    """Write both tables into `folder`, in the order given; numbers to four places."""
    write_csv(folder / _MEASURES, _MEASURES_HEADER, (tuple(map(_cell, astuple(row))) for row in measured))
    write_csv(folder / _IMAGES, _IMAGES_HEADER, map(astuple, shown))


def read_measures(folder: Path) -> tuple[Measured, ...]:
    """Read the metrics in `folder`; `DusklineError` if the table is missing or invalid."""
    measured = []
    for _, row in read_csv(folder / _MEASURES, _MEASURES_HEADER):
        texts = {name: row[name] for name in ("kind", "name", "digest", "reason")}
        numbers = {name: float(row[name]) if row[name] else None for name in _NUMBERS}
        measured.append(Measured(images=int(row["images"]), **texts, **numbers))  # type: ignore[arg-type]
    return tuple(measured)


def read_shown(folder: Path) -> tuple[Shown, ...]:
    """Read the list of single images in `folder`; errors as in `read_measures`."""
    rows = read_csv(folder / _IMAGES, _IMAGES_HEADER)
    return tuple(Shown(**{name: row[name] for name in _IMAGES_HEADER}) for _, row in rows)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else value
