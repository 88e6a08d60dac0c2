"""Stage `photometric`: a night dataset from a day dataset without a network; only new images are made."""

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
    "The paper's augmentation as it ran (literal) or as described (meant), or our own night with tone and"
    " lights (classical).",
)
def main(name: str, style: str, **night: Any) -> str:
    """Make night images with the paper's augmentation or classical image processing; none is made twice."""
    from pipeline.night.photometric.photometric import PhotometricTranslator

    return make_night_set(name, partial(PhotometricTranslator, style), read_machine().workers, **night)


if __name__ == "__main__":
    main()
