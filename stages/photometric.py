"""Stage `photometric`: the night of a day set without a network, only what is new."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from pipeline.core.machine import read_machine
from stages.command import parameter, stage_command
from stages.nights import make_night_set, night_parameters


@stage_command("photometric")
@night_parameters
@parameter(
    "style",
    click.Choice(["literal", "meant", "classical"]),
    "Which night; see pipeline/night/photometric.py.",
)
def main(name: str, style: str, **night: Any) -> str:
    """Make nights by the paper's augmentation or by classical means; finished images are never made twice."""
    from pipeline.night.photometric import PhotometricTranslator

    return make_night_set(name, partial(PhotometricTranslator, style), read_machine().workers, **night)


if __name__ == "__main__":
    main()
