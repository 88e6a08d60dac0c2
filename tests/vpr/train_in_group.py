"""One process of a training run by several: `python -m tests.vpr.train_in_group SET FOLDER KILL_AFTER`."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.compute.distributed.training_state import save_state
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.training import loop
from tests.killing import killing_after
from tests.vpr.runs import run
from tests.vpr.training.test_distributed import SHORT


def main(root: str, folder: str, kill_after: str) -> None:
    """Train in `folder`; the process that saves states kills itself after so many of them, unless 0."""
    loop.SAVE_EVERY = 0.0
    loop.save_state = killing_after(int(kill_after), save_state)
    run(ImageSet.open(Path(root)), Path(folder), SHORT)


if __name__ == "__main__":
    main(*sys.argv[1:])
