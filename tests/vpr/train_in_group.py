"""One process of a training run by several: `python -m tests.vpr.train_in_group SET FOLDER KILL_AFTER`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.datasets.image_set import ImageSet
from pipeline.vpr import train_state, training
from tests.vpr.test_parallel import SHORT
from tests.vpr.test_training import run


def main(root: str, folder: str, kill_after: str) -> None:
    """Train in `folder`; the process that saves states kills itself after so many of them, unless 0."""
    saved = 0

    def save(*state: Any) -> None:
        nonlocal saved
        train_state.save_state(*state)
        saved += 1
        if saved == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)

    training.SAVE_EVERY = 0.0
    training.save_state = save
    run(ImageSet.open(Path(root)), Path(folder), SHORT)


if __name__ == "__main__":
    main(*sys.argv[1:])
