"""Ctrl-C and SIGTERM end a command with one line, at any moment between its start and its end.

Before the work, while modules are loaded, and after the work there is nothing to clean up, and the process
ends at once. During the work a signal raises `Interrupted`, so that workers, pools and clusters are closed
properly. An interrupt that other code has swallowed, as was seen inside numpy's `choice`, is raised again. A
second signal, or work that does not end after a while, ends the process at once. Nothing is lost: files are
written beside their target and renamed, so a process may be killed at any time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import types
import weakref
from collections.abc import Iterator

# Seconds that the work has to end properly.
_PATIENCE = 20.0
# Seconds after which an interrupt that was swallowed is raised again.
_AGAIN = 0.2


class _Command:
    """State of this process: the line to print, the signal received, the exit code."""

    ending = "interrupted"
    works = False
    number = 0
    # The last interrupt raised, as long as anything refers to it: it is still being handled.
    raised: weakref.ref[Interrupted] | None = None
    deadline = 0.0
    code: int | None = None


class Interrupted(KeyboardInterrupt):
    """A signal has arrived during the work."""

    def __init__(self) -> None:
        _Command.raised = weakref.ref(self)


def answer_signals() -> None:
    """Let signals end this process as a command; called before anything else is loaded."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        # A parent that started us in the background may have SIGINT ignored; it stays ignored.
        if number != signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _answer)
    sys.unraisablehook = _unraisable


def signals_are_answered() -> bool:
    """Whether this process is such a command."""
    return signal.getsignal(signal.SIGTERM) is _answer


@contextlib.contextmanager
def interruptible(ending: str) -> Iterator[None]:
    """Let a signal raise `Interrupted` in the block; `ending` is printed if it ends the process at once.

    ending: "" for a process that prints nothing.
    """
    _Command.ending, _Command.works = ending, True
    try:
        yield
    finally:
        _Command.works = False
        if _Command.number:
            signal.setitimer(signal.ITIMER_REAL, 0)


def interrupting_signal() -> int:
    """The signal that has interrupted the work; 0 if none has."""
    return _Command.number


def ended(code: int) -> None:
    """Let any later signal end the process with `code`: all work and output is done."""
    _Command.code = code


def _answer(number: int, frame: types.FrameType | None) -> None:
    """Handle a signal; SIGALRM checks whether the interrupt before it has been raised."""
    if _Command.code is not None:
        os._exit(_Command.code)
    again = number == signal.SIGALRM
    late = time.monotonic() > _Command.deadline if again else bool(_Command.number)
    if not _Command.works or late:
        _end_at_once(number)
    if again and (_Command.raised is None or _Command.raised() is not None):
        return
    # Some modules treat an interrupt during their import as a missing dependency.
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            _end_at_once(number)
        frame = frame.f_back
    if not again:
        _Command.number, _Command.deadline = number, time.monotonic() + _PATIENCE
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    raise Interrupted


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Python cannot raise everywhere, e.g. while it frees an object; the interrupt would be lost there."""
    if issubclass(unraisable.exc_type, Interrupted):
        _end_at_once(_Command.number)
    sys.__unraisablehook__(unraisable)


def _end_at_once(number: int) -> None:
    # Clear the line of a progress bar first.
    start = "\r\033[K" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{_Command.ending}\n".encode() if _Command.ending else b"")
    os._exit(128 + (_Command.number or number))
