"""`duskline translate`: the nights of any folder of pictures, outside the pipeline."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pipeline.core.machine import Machine, read_machine
from stages.command import worded_command

if TYPE_CHECKING:
    from pipeline.night.translator import MakeTranslator


@worded_command("translate")
@click.argument("folder", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights: a UNIT generator file.")
@click.option(
    "--photometric",
    "style",
    type=click.Choice(["literal", "meant", "classical"]),
    help="A night without weights: the paper's augmentation (as it ran, as it was meant), or our own.",
)
@click.option(
    "--direction", type=click.Choice(["day2night", "night2day"]), default="day2night", show_default=True
)
@click.option(
    "--shorter-side",
    type=click.IntRange(min=16),
    default=512,
    show_default=True,
    help="Shorter side of the image that the network sees, in pixels.",
)
@click.option(
    "--stretch",
    type=click.Choice(["minmax", "none"]),
    default="minmax",
    show_default=True,
    help="Stretch each image to the full range, as published, or not.",
)
@click.option(
    "--size",
    type=click.Choice(["model", "source"]),
    default="source",
    show_default=True,
    help="Size of the result: as the network gives it, or that of the picture.",
)
@click.option(
    "--detail",
    type=click.Choice(["network", "source"]),
    default="network",
    show_default=True,
    help="Detail of the result: as the network draws it, or the picture's in the network's light.",
)
@click.option("--format", "file_format", type=click.Choice(["jpg", "png"]), default="jpg", show_default=True)
@click.option("--quality", type=click.IntRange(1, 95), default=90, show_default=True, help="JPEG quality.")
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True
)
def main(
    folder: Path,
    out: Path,
    checkpoint: Path | None,
    style: str | None,
    file_format: str,
    quality: int,
    **settings: object,
) -> None:
    """Translate every picture below IN into OUT, keeping the tree; IN is never changed.

    The translator is either a --checkpoint or a --photometric style.
    `street/a.jpg` becomes `street/an.jpg`. Pictures that cannot be read are listed in OUT/origins.csv with
    their reasons. Run again, only new and changed pictures are translated.
    """
    from pipeline.night.folder import translate_folder
    from pipeline.night.translator import OutputFormat

    machine = read_machine()
    make_translator, workers = _translator(machine, checkpoint, style, settings)
    start = time.perf_counter()
    summary = translate_folder(
        folder,
        out,
        make_translator,
        OutputFormat(f".{file_format}", quality),
        machine.work / "nights",
        workers,
        max_failed=0.0,
        engine=machine.engine,
    )
    click.echo(f"{summary} into {out}/ in {time.perf_counter() - start:.1f} s")


def _translator(
    machine: Machine, checkpoint: Path | None, style: str | None, settings: dict[str, object]
) -> tuple[MakeTranslator, int]:
    """The one that was asked for, and how many processes to build it in; `settings` are a checkpoint's."""
    from pipeline.core.params import build
    from pipeline.night.photometric import PhotometricTranslator

    if checkpoint is not None and style is None:
        from stages.unit_factory import UnitFactory
        from unit.translate import UnitSettings

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
