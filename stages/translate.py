"""Stage `translate`: the synthetic night of a day set, only what is new."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.core.machine import read_machine
from stages.command import parameter, stage_command
from stages.places import SETS


@stage_command("translate")
@parameter("day", str, "The set to translate, below data/sets.")
@parameter("checkpoint", click.Path(path_type=Path), "The translator's weights: a UNIT generator file.")
@parameter("direction", click.Choice(["day2night", "night2day"]), "Which way to translate.")
@parameter(
    "shorter_side", click.IntRange(min=16), "Shorter side of the image that the network sees, in pixels."
)
@parameter(
    "stretch", click.Choice(["minmax", "none"]), "Stretch each image to the full range (as published) or not."
)
@parameter(
    "size",
    click.Choice(["model", "source"]),
    "Size of the night: as the network gives it, or the day image's.",
)
@parameter("dtype", click.Choice(["float32", "bfloat16", "auto"]), "Arithmetic of the network.")
@parameter("format", click.Choice(["jpg", "png"]), "File format of the nights.")
@parameter("quality", click.IntRange(1, 95), "JPEG quality of the nights.")
@parameter("max_failed", click.FloatRange(0, 1), "Largest allowed share of images that cannot be translated.")
def main(
    name: str,
    day: str,
    checkpoint: Path,
    format: str,  # noqa: A002 - the name of the parameter
    quality: int,
    max_failed: float,
    **settings: object,
) -> str:
    """Translate a set to night; finished images wait in the work store and are never made twice."""
    from pipeline.core.params import build
    from pipeline.datasets.image_set import ImageSet
    from pipeline.night.run import translate_set
    from pipeline.night.translator import OutputFormat
    from stages.unit_factory import UnitFactory
    from unit.translate import UnitSettings

    machine = read_machine()
    translator = UnitFactory.on(machine, checkpoint, build(UnitSettings, settings, f"translate.{name}"))
    summary = translate_set(
        day=ImageSet.open(SETS / day),
        out=SETS / name,
        make_translator=translator,
        output=OutputFormat(f".{format}", quality),
        store=machine.work / "nights",
        workers=translator.workers,
        max_failed=max_failed,
    )
    return str(summary)


if __name__ == "__main__":
    main()
