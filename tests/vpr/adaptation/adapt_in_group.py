"""One process of an adaptation by several: `python -m tests.vpr.adaptation.adapt_in_group` and arguments."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from pipeline.compute.distributed.training_state import save_state
from pipeline.core.params import build
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.training import loop
from tests.killing import killing_after
from tests.vpr.adaptation.runs import SETTINGS, run


def settings_of(index: str, batch: int) -> AdaptSettings:
    """A run of the side that learns, so many places a step; with a low rate Adam's rounding stays small."""
    return build(AdaptSettings, asdict(SETTINGS) | {"index": index, "batch": batch, "lr": 1e-4}, "adapt.test")


def main(root: str, teacher: str, folder: str, index: str, batch: str, kill_after: str) -> None:
    """Adapt in `folder`; the process that saves states kills itself after so many of them, unless 0."""
    loop.SAVE_EVERY = 0.0
    loop.save_state = killing_after(int(kill_after), save_state)
    run(ImageSet.open(Path(root)), Path(teacher), Path(folder), settings_of(index, int(batch)))


if __name__ == "__main__":
    main(*sys.argv[1:])
