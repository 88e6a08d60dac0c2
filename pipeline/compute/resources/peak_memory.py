"""The most memory that this process and the processes it started have held at one time."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_PROCESSES = Path("/proc")
# Seconds between two looks. What a process held between them its own high-water mark tells.
_EVERY = 1.0


class PeakMemory:
    """A watch on memory for the length of a block; `bytes` is the peak so far.

    It is the largest sum, over all looks, of the high-water marks of the processes alive at that look and the
    one before: more than was held at one time where they had their peaks at different times. Where the
    machine has no /proc, it is the high-water mark of this process alone.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._seen = {os.getpid()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        with contextlib.suppress(RuntimeError):  # no more threads may be had; there is a look at the end
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        family = set(_family(os.getpid()))
        # One that is only about to begin its program still has the memory, and the mark, of who started it.
        held = sum(_high_water_mark(process) for process in family & self._seen)
        self._seen = family
        # The other mark, in kilobytes, also counts what this process was before it began its program.
        self.bytes = max(self.bytes, held or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _family(process: int) -> Iterator[int]:
    """The process and all that it started, directly or by way of others, as far as they are alive."""
    yield process
    for child in _children(process):
        yield from _family(child)


def _children(process: int) -> list[int]:
    """Those that the threads of a process started; none of one that has ended meanwhile."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (_PROCESSES / str(process) / "task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def _high_water_mark(process: int) -> int:
    """Bytes; 0 for a process that has ended meanwhile."""
    with contextlib.suppress(OSError):
        for line in (_PROCESSES / str(process) / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
