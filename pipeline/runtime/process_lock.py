"""Lets only one process run a stage at a time, and ends processes with their parent."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import IO

from pipeline.runtime.errors import StageRunningError
from pipeline.runtime.signals import signals_are_answered

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux; elsewhere it does nothing).

    Killing only `dvc` otherwise leaves the stage running as an orphan, and the next `dvc repro` starts a
    second one beside it.
    """
    if sys.platform != "linux":
        return
    # A worker knows who spawned it, even when that one was gone before the worker had begun.
    spawner = multiprocessing.parent_process()
    parent = spawner.pid if spawner is not None else os.getppid()
    # The parent may have ignored or blocked SIGTERM, and both are inherited.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # The parent ended before the call above.
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise `KeyboardInterrupt`, as Ctrl-C does, so that both are handled in one way.

    It does nothing outside the main thread, nor in a command, which handles both signals itself.
    """
    if threading.current_thread() is not threading.main_thread() or signals_are_answered():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Block Ctrl-C and SIGTERM while processes are started; they inherit the blocked signals.

    A child unblocks SIGTERM when its handler is set up; Ctrl-C is handled by the parent for all. The parent
    receives both after the block, when it knows its children.
    """
    # Python's own helper process, which would unblock the signals while it starts.
    resource_tracker.ensure_running()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def begin_as_worker() -> None:
    """First call in a process that was started with blocked signals: it then ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    die_with_parent()


def only_run(work: Path, stage: str) -> IO[str]:
    """Lock `stage` in `work/locks` until the block ends; `StageRunningError` if another process runs it.

    The lock ends with the process, however it ends, so no lock is ever left behind.
    """
    path = work / "locks" / f"{stage}.lock"
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            stream = path.open("w")
        except FileNotFoundError:
            continue  # the process with the lock has just removed the folder
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise StageRunningError(
                f"another process is running {stage} in this folder",
                hint="wait for it, or end it, then run the same command again",
            ) from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
        # The previous holder has removed the file; other processes now lock a new one.
        stream.close()
