"""Stage `photometric`: the night of a day set without a network, only what is new."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON, stage_command
from stages.nights import make_night_set, night_parameters
from stages.options import parameter


@stage_command("photometric", GOES_ON)
@night_parameters
@parameter(
    "style",
    Literal["literal", "meant", "classical"],
    "Which night: the paper's augmentation as it ran, as it was meant, or our own by tone and lights.",
)
def main(name: str, style: str, **night: Any) -> str:
    """Make nights by the paper's augmentation or by classical means; finished images are never made twice."""
    from pipeline.night.photometric.photometric import PhotometricTranslator

    return make_night_set(name, partial(PhotometricTranslator, style), read_machine().workers, **night)


if __name__ == "__main__":
    main()
