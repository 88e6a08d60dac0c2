"""Processes that end as if they were killed at a moment of the test's choice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any


def killing_after(count: int, save: Callable[..., Any]) -> Callable[..., None]:
    """What saves as `save` does, and kills its own process when it has done so `count` times; 0 for never."""
    saved = 0

    def save_and_die(*state: Any) -> None:
        nonlocal saved
        save(*state)
        saved += 1
        if saved == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return save_and_die
