"""The parameter of all stages that write sets: from how many images on these are shards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pipeline.runtime.ranges import Range
from stages.options import parameter


def shards_parameter(function: Callable[..., str]) -> Callable[..., str]:
    """Add `shards_above`, the one entry of the section `sets`."""
    return parameter(
        "shards_above",
        Annotated[int, Range("images", least=0)],
        "A set of more images than that is one of shards.",
    )(function)
