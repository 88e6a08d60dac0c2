"""The saved states of a training run: the newest, and the one before it in case the newest is damaged."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import torch

from pipeline.core.files import digest_file, write_digested

_LOG = logging.getLogger(__name__)

# Iteration, and the first digits of the file's SHA-256, by which it tells whether it is whole.
_NAME = re.compile(r"state_(\d{8})_([0-9a-f]{16})\.pt")
_KEPT = 2
_LOG = logging.getLogger(__name__)


def save_state(folder: Path, iteration: int, state: dict[str, Any]) -> Path:
    """Write `state` as the state after `iteration` iterations, and keep only the one before it beside it.

    States of more iterations, of a longer run before, are left alone.
    """
    path = write_digested(folder / f"state_{iteration:08d}.pt", lambda stream: torch.save(state, stream))
    # The same iteration saved again, as by a run gone on with, takes its earlier file's place.
    before = [saved for saved in saved_states(folder) if _parts(saved)[0] <= iteration and saved != path]
    same = [saved for saved in before if _parts(saved)[0] == iteration]
    for older in same + before[len(same) :][_KEPT - 1 :]:
        older.unlink()
    return path


def load_state(folder: Path, iterations: int, device: torch.device) -> tuple[int, dict[str, Any]] | None:
    """The newest whole state of at most `iterations` iterations, with their number; None without one.

    A damaged one is told of by a warning, removed and passed over. What a killed run left half written
    is removed too.
    """
    for left_over in folder.glob(".state_*.part"):
        left_over.unlink()
    for path in saved_states(folder):
        iteration, digest = _parts(path)
        if iteration > iterations:
            continue
        if digest_file(path)[:16] != digest:
            _LOG.warning("%s is damaged and removed; going on from the state before it", path)
            path.unlink()
            continue
        return iteration, torch.load(path, map_location=device, weights_only=True)
    return None


def saved_states(folder: Path) -> list[Path]:
    """The files of saved states, the newest first."""
    found = [path for path in folder.glob("state_*.pt") if _NAME.fullmatch(path.name)]
    return sorted(found, key=_parts, reverse=True)


def _parts(path: Path) -> tuple[int, str]:
    parts = _NAME.fullmatch(path.name)
    assert parts is not None
    return int(parts[1]), parts[2]
