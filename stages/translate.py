"""Stage `translate`: a night dataset from a day dataset with a network; only new images are made."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON, stage_command
from stages.nights import make_night_set, night_parameters
from stages.options import parameter, parameters_of
from stages.places import RAW, SHIPPED
from unit.network.settings import UnitSettings

if TYPE_CHECKING:
    from pipeline.datasets.image_set.licence_terms import Terms


@stage_command("translate", GOES_ON)
@night_parameters
@parameter(
    "checkpoint",
    Path,
    "Checkpoint of the translator: UNIT, CycleGAN, CUT, pix2pix or gandtr, or an exported network.",
)
@parameters_of(UnitSettings)
def main(name: str, checkpoint: Path, **options: Any) -> str:
    """Translate a dataset to night; finished images are kept in the work store, and none is made twice."""
    from pipeline.core.params import build
    from stages.unit_factory import UnitFactory

    settings = {field.name: options.pop(field.name) for field in fields(UnitSettings)}
    unit = build(UnitSettings, settings, f"translate.{name}")
    translator = UnitFactory.on(read_machine(), checkpoint, unit)
    return make_night_set(name, translator, translator.workers, terms=[_terms(checkpoint)], **options)


def _terms(checkpoint: Path) -> Terms:
    from pipeline.datasets.image_set.licence_terms import Terms
    from pipeline.datasets.sources.registry import terms_below

    if checkpoint == SHIPPED:
        return Terms(
            checkpoint.name, "The UNIT weights that come with duskline", "MIT, as the rest of duskline"
        )
    return terms_below(checkpoint, RAW, f"the translator {checkpoint}, with which the nights were made")


if __name__ == "__main__":
    main()
