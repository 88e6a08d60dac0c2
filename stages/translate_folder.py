"""`duskline translate`: the nights of any folder of pictures, outside the pipeline."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from pipeline.runtime.machine import Machine, read_machine
from pipeline.runtime.ranges import JpegQuality
from stages.command import GOES_ON, say, worded_command
from stages.options import option, parameters_of
from stages.places import SHIPPED
from unit.network.settings import UnitSettings
from unit.shipped import CITY

if TYPE_CHECKING:
    from pipeline.night.records.translator import MakeTranslator


@worded_command("translate", GOES_ON)
@click.argument("folder", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@option("--checkpoint", Path, "Weights: a UNIT generator file; unit/weights/city.pt comes with duskline.")
@click.option(
    "--photometric",
    "style",
    type=click.Choice(["literal", "meant", "classical"]),
    help="A night without weights: the paper's augmentation (as it ran, as it was meant), or our own.",
)
@parameters_of(
    UnitSettings,
    direction="day2night",
    shorter_side=512,
    stretch="minmax",
    size="source",
    detail="network",
    dtype="auto",
)
@option("--format", Literal["jpg", "png"], "File format of the result; png loses nothing.", default="jpg")
@option("--quality", JpegQuality, "JPEG quality of the result.", default=90)
def main(
    folder: Path,
    out: Path,
    checkpoint: Path | None,
    style: str | None,
    format: str,  # noqa: A002 - the name of the option
    quality: int,
    **settings: object,
) -> None:
    """Translate every picture below IN into OUT, keeping the tree; IN is never changed.

    The translator is either a --checkpoint or a --photometric style.
    `street/a.jpg` becomes `street/an.jpg`. Pictures that cannot be read are listed in OUT/origins.csv with
    their reasons. Run again, only new and changed pictures are translated; of another translator OUT is
    made anew.
    """
    from pipeline.night.records.translator import OutputFormat
    from pipeline.night.upkeep.folder import translate_folder

    machine = read_machine()
    make_translator, workers = _translator(machine, checkpoint, style, settings)
    start = time.perf_counter()
    summary = translate_folder(
        folder,
        out,
        make_translator,
        OutputFormat(f".{format}", quality),
        machine.work / "nights",
        workers,
        max_failed=0.0,
        engine=machine.engine,
    )
    say(f"{summary} into {out}/ in {time.perf_counter() - start:.1f} s")


def _translator(
    machine: Machine, checkpoint: Path | None, style: str | None, settings: dict[str, object]
) -> tuple[MakeTranslator, int]:
    """The one that was asked for, and how many processes to build it in; `settings` are a checkpoint's."""
    from pipeline.core.params import build
    from pipeline.night.photometric.photometric import PhotometricTranslator

    if checkpoint is not None and style is None:
        from stages.unit_factory import UnitFactory

        if checkpoint == SHIPPED and not checkpoint.exists():
            # Outside a checkout.
            checkpoint = CITY
        unit = UnitFactory.on(machine, checkpoint, build(UnitSettings, settings, "duskline translate"))
        return unit, unit.workers
    if style is None or checkpoint is not None:
        raise click.UsageError("Give either --checkpoint FILE or --photometric STYLE.")
    context = click.get_current_context()
    given = [name for name in settings if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{options}: only for a --checkpoint; photometric nights have no such choice.")
    return partial(PhotometricTranslator, style), machine.workers


if __name__ == "__main__":
    main()
