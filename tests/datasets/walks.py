"""Small made-up walks: a folder each, with numbered frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.traverses import TraversesSettings, read_traverses
from pipeline.datasets.image_set.image_set import ImageSet
from tests.datasets.raw_forms import jpeg

WALKS: dict[str, Any] = {
    "day_left": {"role": "database", "time_of_day": "day"},
    "night_right": {"role": "queries", "time_of_day": "night"},
}


def settings(**changes: Any) -> TraversesSettings:
    values = {"traverses": WALKS, "split": "test", "frame_step": 1, "jpeg_quality": 90}
    return build(TraversesSettings, values | changes, "format.walk")


def make_walks(raw: Path, frames: Iterable[int] = range(4), folders: Iterable[str] = tuple(WALKS)) -> Path:
    """`raw` with frames Image000.jpg and so on in each of `folders`, another image each."""
    frames = list(frames)
    for walk, folder in enumerate(folders):
        (raw / folder).mkdir(parents=True)
        for number in frames:
            (raw / folder / f"Image{number:03d}.jpg").write_bytes(jpeg(seed=1000 * walk + number))
    return raw


def made_walks(raw: Path, root: Path, **changes: Any) -> ImageSet:
    return format_set(read_traverses(raw, settings(**changes), raw), root, workers=2)
