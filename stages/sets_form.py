"""The parameter of all stages that write sets: from how many images on these are shards."""

from __future__ import annotations

from collections.abc import Callable

import click

from stages.command import parameter


def shards_parameter(function: Callable[..., str]) -> Callable[..., str]:
    """Add `shards_above`, the one entry of the section `sets`."""
    return parameter(
        "shards_above", click.IntRange(min=0), "A set of more images than that is one of shards."
    )(function)
