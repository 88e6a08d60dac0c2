"""Shared by the stages that make a night dataset from a day dataset, each with its own translator."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.runtime.machine import read_machine
from pipeline.runtime.ranges import JpegQuality, Share
from stages.known_names import set_names
from stages.options import parameter, shards_parameter
from stages.places import SETS

if TYPE_CHECKING:
    from pipeline.datasets.image_set.licence_terms import Terms
    from pipeline.night.records.translator import MakeTranslator


def night_parameters(function: Callable[..., str]) -> Callable[..., str]:
    """Add the parameters that do not depend on the translator, those of `make_night_set`."""
    for add in (
        shards_parameter,
        parameter("max_failed", Share, "Largest share of images that may fail to translate."),
        parameter("quality", JpegQuality, "JPEG quality of the night images."),
        parameter("format", Literal["jpg", "png"], "File format of the night images; png is lossless."),
        parameter("day", str, "The dataset to translate, in data/sets.", names=set_names),
    ):
        function = add(function)
    return function


def make_night_set(
    name: str,
    make_translator: MakeTranslator,
    workers: int,
    *,
    day: str,
    format: str,  # noqa: A002 - the name of the parameter
    quality: int,
    max_failed: float,
    shards_above: int,
    terms: Sequence[Terms] = (),
) -> str:
    """Write the night dataset `name` of the dataset `day` and return a summary; see `translate_set`.

    terms: licence terms of the translator. The other arguments are those of `night_parameters`.
    """
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.night.engine.translate_set import translate_set
    from pipeline.night.records.translator import OutputFormat

    machine = read_machine()
    summary = translate_set(
        day=ImageSet.open(SETS / day),
        out=SETS / name,
        make_translator=make_translator,
        output=OutputFormat(f".{format}", quality),
        store=machine.work / "nights",
        workers=workers,
        max_failed=max_failed,
        terms=terms,
        shards_above=shards_above,
        engine=machine.engine,
    )
    return f"{summary}{padding_said(SETS / name)}"


def padding_said(nights: Path) -> str:
    """A note if the network needed padded images, else ""."""
    from pipeline.core.files import read_json
    from pipeline.night.records.translator import RECIPE

    multiple = json.loads(read_json(nights / RECIPE)["settings"]).get("padded_to")
    if multiple is None:
        return ""
    return f"; sides that are not multiples of {multiple} were padded by reflection, then cropped"
