"""Reads the next batches in threads while the caller works on the current one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Read = TypeVar("Read")


def read_ahead(
    batches: Iterable[Sequence[Callable[[], Read]]], threads: int, ahead: int = 2
) -> Generator[list[Read], None, None]:
    """Yield what the calls of each batch return, in order; the next `ahead` batches are already started.

    An error of a call is raised when its turn comes. If the caller stops before the last batch, calls that
    have not started are dropped.
    """
    waiting = iter(batches)
    begun: deque[list[Future[Read]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        while True:
            for batch in islice(waiting, 1 + ahead - len(begun)):
                begun.append([pool.submit(call) for call in batch])
            if not begun:
                return
            yield [future.result() for future in begun.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)
