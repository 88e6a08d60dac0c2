"""One process of a training by several: `python -m tests.unit.train_in_group FOLDER KILL_AFTER LR`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.compute.distributed.training_state import save_state
from tests.killing import killing_after
from tests.unit.golden import tiny_settings
from unit.data.domain_images import side_of_folder
from unit.training import run
from unit.training.train import train


def main(folder: str, kill_after: str, lr: str) -> None:
    """Train on FOLDER/day and FOLDER/night; the first process kills itself after so many states, unless 0.

    Each process has places of its own, as on a machine that shares no folder.
    """
    run.save_state = killing_after(int(kill_after), save_state)
    root = Path(folder)
    own = root / os.environ.get("RANK", "alone")
    settings = tiny_settings(
        iterations=8,
        ema_decay=0.9,
        dis_augment=True,
        zoom=1.5,
        tied_iterations=2,
        sheet_every=4,
        lr=float(lr),
    )
    sides = (side_of_folder(root / "day"), side_of_folder(root / "night"))
    summary = train(settings, *sides, own / "gen.pt", own / "work", live=own / "live")
    own.mkdir(exist_ok=True)
    (own / "started_at").write_text(str(summary.started_at))


if __name__ == "__main__":
    main(*sys.argv[1:])
