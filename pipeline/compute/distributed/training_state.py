"""The saved states of a training run: the newest, and the one before it in case the newest is damaged.

They are in <work>/<key>_<code>: digests of everything that the run depends on, and of its code.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.compute.distributed.group import Group
from pipeline.core.code_digest import code_digest
from pipeline.core.files import digest_document, digest_file, write_digested
from pipeline.runtime.errors import DusklineError

_LOG = logging.getLogger(__name__)

# Steps done, and the first digits of the file's SHA-256, which show whether it is whole.
_NAME = re.compile(r"state_(\d{8})_([0-9a-f]{16})\.pt")
_KEPT = 2


def folder_of_run(work: Path, depends_on: Mapping[str, object], rooms: Sequence[str], group: Group) -> Path:
    """The folder of the run that depends on these values and on the code in `rooms` (see `code_digest`).

    `DusklineError` if the processes of `group` disagree about it.
    """
    name = f"{digest_document(depends_on)[:32]}_{code_digest(rooms)[:16]}"
    if set(group.all_gather_objects(name)) != {name}:
        raise DusklineError(
            "the processes of this training run do not have the same images, weights, number format or code",
            hint="give every machine the same files, and set autocast to off or bfloat16",
        )
    return work / name


def save_state(folder: Path, steps: int, state: dict[str, Any]) -> None:
    """Write `state` as the state after `steps` steps, and keep only the one before it.

    States of more steps, from an earlier longer run, are kept.
    """
    path = write_digested(folder / f"state_{steps:08d}.pt", lambda stream: torch.save(state, stream))
    # The same step saved again, e.g. by a resumed run, replaces its earlier file.
    before = [saved for saved in saved_states(folder) if _parts(saved)[0] <= steps and saved != path]
    same = [saved for saved in before if _parts(saved)[0] == steps]
    for older in same + before[len(same) :][_KEPT - 1 :]:
        older.unlink()


def load_state(
    folder: Path, group: Group, device: torch.device, *, at_most: int | None = None
) -> tuple[int, dict[str, Any]] | None:
    """The newest undamaged state of at most `at_most` steps, with its number of steps; None if there is none.

    The first process of `group` reads it and sends it to all, with tensors on `device`: the others may be on
    machines that do not see the folder.
    """
    return group.from_first(_read(folder, device, at_most) if group.writes else None, device)


def _read(folder: Path, device: torch.device, at_most: int | None) -> tuple[int, dict[str, Any]] | None:
    """A damaged state is removed and skipped, with a warning.

    Files that a killed run left half written are removed too.
    """
    for left_over in folder.glob(".state_*.part"):
        left_over.unlink()
    found = saved_states(folder)
    if not found:
        _tell_of_other_code(folder)
    for path in found:
        steps, digest = _parts(path)
        if at_most is not None and steps > at_most:
            continue
        if digest_file(path)[:16] != digest:
            _LOG.warning(
                "%s was damaged and is removed; training resumes from the state before it, if any", path
            )
            path.unlink()
            continue
        return steps, torch.load(path, map_location=device, weights_only=True)
    return None


def _tell_of_other_code(folder: Path) -> None:
    # In earlier versions a folder's name was the key alone.
    key = folder.name.partition("_")[0]
    for other in sorted({state.parent for state in folder.parent.glob(f"{key}*/state*.pt")}):
        _LOG.warning(
            "%s has states of this training run from another version of the code, so training starts again;"
            " remove the folder unless you go back to that version",
            other,
        )


def saved_states(folder: Path) -> list[Path]:
    """The files of saved states, the newest first."""
    found = [path for path in folder.glob("state_*.pt") if _NAME.fullmatch(path.name)]
    return sorted(found, key=_parts, reverse=True)


def _parts(path: Path) -> tuple[int, str]:
    parts = _NAME.fullmatch(path.name)
    assert parts is not None
    return int(parts[1]), parts[2]
