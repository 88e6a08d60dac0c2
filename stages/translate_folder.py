"""`duskline translate`: the nights of any folder of pictures, outside the pipeline."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipeline.core.machine import read_machine
from stages.command import worded_command


@worded_command("translate")
@click.argument("folder", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), required=True, help="Weights: a UNIT generator file."
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
@click.option("--format", "file_format", type=click.Choice(["jpg", "png"]), default="jpg", show_default=True)
@click.option("--quality", type=click.IntRange(1, 95), default=90, show_default=True, help="JPEG quality.")
@click.option(
    "--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True
)
def main(
    folder: Path, out: Path, checkpoint: Path, file_format: str, quality: int, **settings: object
) -> None:
    """Translate every picture below IN into OUT, keeping the tree; IN is never changed.

    `street/a.jpg` becomes `street/an.jpg`. Pictures that cannot be read are listed in OUT/origins.csv with
    their reasons. Run again, only new and changed pictures are translated.
    """
    from pipeline.core.params import build
    from pipeline.night.folder import translate_folder
    from pipeline.night.translator import OutputFormat
    from stages.unit_factory import UnitFactory
    from unit.translate import UnitSettings

    machine = read_machine()
    translator = UnitFactory.on(machine, checkpoint, build(UnitSettings, settings, "duskline translate"))
    start = time.perf_counter()
    summary = translate_folder(
        folder,
        out,
        translator,
        OutputFormat(f".{file_format}", quality),
        machine.work / "nights",
        translator.workers,
        max_failed=0.0,
    )
    click.echo(f"{summary} into {out}/ in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
