"""`duskline translate`: night images of any folder of images, outside the pipeline."""

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
from stages.nights import padding_said
from stages.options import option, parameters_of
from stages.places import SHIPPED
from unit.network.settings import UnitSettings
from unit.shipped import CITY

if TYPE_CHECKING:
    from pipeline.night.records.translator import MakeTranslator


@worded_command("translate", GOES_ON)
@click.argument("folder", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@option(
    "--checkpoint",
    Path,
    "Checkpoint of a translator: UNIT, CycleGAN, CUT or pix2pix, or an exported network;"
    " unit/weights/city.pt comes with duskline.",
)
@click.option(
    "--photometric",
    "style",
    type=click.Choice(["literal", "meant", "classical"]),
    help="Night images without weights: the paper's augmentation as it ran (literal) or as described (meant),"
    " or our own (classical).",
)
@parameters_of(
    UnitSettings,
    direction="day2night",
    shorter_side=None,
    stretch=None,
    size="source",
    detail="network",
    dtype="auto",
)
@option("--format", Literal["jpg", "png"], "File format of the result; png is lossless.", default="jpg")
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
    """Translate every image in IN and its subfolders into OUT, with the same folder tree; IN never changes.

    Give either a --checkpoint or a --photometric style. `street/a.jpg` becomes `street/an.jpg`.

    OUT/origins.csv lists the images that cannot be read, with the reason. A second run translates only new
    and changed images; with another translator, OUT is made again.

    As published, UNIT uses a shorter side of 512 pixels and stretches the levels (minmax); other checkpoints
    use each image's own size and keep the network's levels.
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
    say(f"{summary} into {out}/{padding_said(out)} in {time.perf_counter() - start:.1f} s")


def _translator(
    machine: Machine, checkpoint: Path | None, style: str | None, settings: dict[str, object]
) -> tuple[MakeTranslator, int]:
    """The chosen translator, and its number of processes; `settings` are for a checkpoint."""
    from pipeline.core.params import build
    from pipeline.night.photometric.photometric import PhotometricTranslator

    context = click.get_current_context()
    given = [name for name in settings if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    if checkpoint is not None and style is None:
        from stages.unit_factory import UnitFactory, as_published

        if checkpoint == SHIPPED and not checkpoint.exists():
            # Outside a checkout.
            checkpoint = CITY
        chosen = settings | {
            name: usual for name, usual in as_published(checkpoint).items() if name not in given
        }
        unit = UnitFactory.on(machine, checkpoint, build(UnitSettings, chosen, "duskline translate"))
        return unit, unit.workers
    if style is None or checkpoint is not None:
        raise click.UsageError("Give either --checkpoint FILE or --photometric STYLE.")
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{options}: only for a --checkpoint; photometric styles have no such option.")
    return partial(PhotometricTranslator, style), machine.workers


if __name__ == "__main__":
    main()
