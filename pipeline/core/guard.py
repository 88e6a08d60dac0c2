"""One run of a stage at a time, and none that outlives its parent."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import StageRunningError

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux; elsewhere it does nothing).

    Killing only `dvc` otherwise leaves the stage running as an orphan, and the next `dvc repro` starts a
    second one beside it.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # The parent was gone before the kernel knew of the wish.
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def only_run(work: Path, stage: str) -> Iterator[None]:
    """Hold the file lock of `stage` in `work/locks`; `StageRunningError` when another process holds it.

    The lock ends with the process, however that ends, so nothing is ever left to clean.
    """
    folder = work / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{stage}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageRunningError(
                f"another process is running {stage} in this folder",
                hint="wait for it, or end it, then run the same command again",
            ) from error
        yield
