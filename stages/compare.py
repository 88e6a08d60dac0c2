"""Stage `compare`: the same day images through every available translator, on one labelled sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pipeline.runtime.machine import read_machine
from pipeline.runtime.ranges import Pixels, Range, require_ranges
from stages.command import stage_command
from stages.places import COMPARISONS, SETS

if TYPE_CHECKING:
    from pipeline.night.comparison.compare import Candidate

# File name of a fetched checkpoint in its source's folder; the sheet shows the name of that folder.
FETCHED = "gen.pt"
SUFFIXES = (".pt", ".pth", ".pt2")


@dataclass(frozen=True)
class CompareParams:
    """Which translators are compared, and on which day images.

    day: the day dataset.
    split: the split that the images are taken from: train, val or test.
    images: number of day images.
    checkpoints: a folder; each `.pt`, `.pth` and `.pt2` file in it is a translator.
    shorter_side: as in `translate`, for all checkpoints.
    stretch: as in `translate`, for all checkpoints.
    detail: as in `translate`, for all checkpoints.
    shorter_sides: `shorter_side` of the checkpoints that need another one, by file name without suffix.
    true_nights: source and raw form in the embedded city (`city/pittsburgh`) that `day` was formatted from;
        null for other datasets.
    trusted: as in `translate`, for all checkpoints.
    """

    day: str
    split: str
    images: Annotated[int, Range("images", least=1)]
    checkpoints: Path
    shorter_side: Pixels | None
    stretch: Literal["minmax", "none"]
    detail: Literal["network", "source"]
    shorter_sides: dict[str, int | None]
    true_nights: str | None
    trusted: bool = False

    def __post_init__(self) -> None:
        require_ranges(self)


@stage_command("compare")
def main(name: str) -> str:
    """Show day images beside their night images by each checkpoint of a folder and each photometric style."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.night.comparison.compare import compare_translators
    from stages.city_nights import CityNights

    params = read_params()
    compare = build(CompareParams, section_of(params, "compare", name), f"compare.{name}")
    true_nights = None if compare.true_nights is None else CityNights(params, compare.true_nights)
    measured = compare_translators(
        COMPARISONS / name,
        ImageSet.open(SETS / compare.day),
        compare.split,
        compare.images,
        [*_photometric(), *_checkpoints(compare, f"compare.{name}")],
        true_nights,
    )
    used = [row for row in measured if row.digest and not row.reason]
    failed = "".join(f"\n  {row.name} cannot be used: {row.reason}" for row in measured if row.reason)
    return f"{len(used)} translators on {measured[0].images} images{failed}"


def _photometric() -> Iterator[Candidate]:
    from pipeline.night.comparison.compare import Candidate
    from pipeline.night.photometric.photometric import STYLES, PhotometricTranslator

    for style in STYLES:
        yield Candidate("photometric", style, partial(PhotometricTranslator, style), optional=False)


def _checkpoints(compare: CompareParams, where: str) -> Iterator[Candidate]:
    from pipeline.core.files import require_folder
    from pipeline.core.params import build
    from pipeline.night.comparison.compare import Candidate
    from pipeline.runtime.errors import MissingInputError, ParameterError
    from stages.unit_factory import UnitFactory
    from unit.network.settings import UnitSettings

    hint = f"put translators ({', '.join(SUFFIXES)}) into it, or name another folder as {where}.checkpoints"
    folder = require_folder(compare.checkpoints, hint=hint)
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise MissingInputError(f"no checkpoints ({', '.join(SUFFIXES)}) in {folder}", hint=hint)
    stems = Counter(file.stem for file in files)
    names = [
        folder.name if file.name == FETCHED else file.stem if stems[file.stem] == 1 else file.name
        for file in files
    ]
    if unknown := sorted(set(compare.shorter_sides) - set(names)):
        raise ParameterError(
            f"{where}.shorter_sides: no such checkpoint: {', '.join(unknown)}; known are {', '.join(names)}"
        )
    for name, file in zip(names, files, strict=True):
        settings = {
            "direction": "day2night",
            "shorter_side": compare.shorter_sides.get(name, compare.shorter_side),
            "stretch": compare.stretch,
            "size": "source",
            "detail": compare.detail,
            "dtype": _numbers(file),
            "trusted": compare.trusted,
        }
        factory = UnitFactory.on(read_machine(), file, build(UnitSettings, settings, where))
        yield Candidate("checkpoint", name, factory, optional=True)


def _numbers(file: Path) -> str:
    """The dtype to ask for: float32, except for an exported network, which has its own."""
    from pipeline.runtime.errors import CheckpointError
    from unit.generators.exported import program_in

    try:
        return "auto" if program_in(file) else "float32"
    except CheckpointError:  # reported when it is opened
        return "float32"


if __name__ == "__main__":
    main()
