"""Waiting for what other processes do, and doing something as soon as they have done it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.002)


def later(condition: Callable[[], bool], deed: Callable[[], object]) -> threading.Thread:
    """Do the deed as soon as the condition holds, beside what this thread does."""

    def wait() -> None:
        wait_until(condition, "the moment of the deed")
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread
