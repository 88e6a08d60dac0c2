"""Ctrl-C and SIGTERM end a command with one line, at any moment between its start and its end.

Until work begins, while modules are loaded and after the work is done there is nothing to clean up, and the
process ends at once. In between a signal raises `Interrupted`, so that workers, pools and clusters are left
in order. An interrupt that somebody else's code has swallowed, as was seen inside numpy's `choice`, is raised
again. A second signal, or work that has not ended after a while, ends the process at once. Nothing is lost by
that: what is written is written beside and renamed, as it must be for a process that may be killed.
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

# Seconds for the work to end in order.
_PATIENCE = 20.0
# Seconds after which an interrupt that was swallowed is raised again.
_AGAIN = 0.2


class _Command:
    """What this process is at: the words for its line, the signal that has come, the exit code at its end."""

    ending = "interrupted"
    works = False
    number = 0
    # What was raised last, for as long as anything holds it: it is under way or is being answered.
    raised: weakref.ref[Interrupted] | None = None
    deadline = 0.0
    code: int | None = None


class Interrupted(KeyboardInterrupt):
    """A signal has come while work was done."""

    def __init__(self) -> None:
        _Command.raised = weakref.ref(self)


def answer_signals() -> None:
    """Let signals end this process as a command; called before anything else is loaded."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        # Who started us in the background may have had SIGINT ignored, and that is to stay.
        if number != signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _answer)
    sys.unraisablehook = _unraisable


def signals_are_answered() -> bool:
    """Whether this process is such a command."""
    return signal.getsignal(signal.SIGTERM) is _answer


@contextlib.contextmanager
def interruptible(ending: str) -> Iterator[None]:
    """Let a signal raise `Interrupted` in the block; `ending` is the line where it ends the process at once.

    "" is for a process that does not speak.
    """
    _Command.ending, _Command.works = ending, True
    try:
        yield
    finally:
        _Command.works = False
        if _Command.number:
            signal.setitimer(signal.ITIMER_REAL, 0)


def interrupting_signal() -> int:
    """The signal that has interrupted the work; 0 when none has."""
    return _Command.number


def ended(code: int) -> None:
    """Let a signal that comes from now on end the process with `code`: all is done and said."""
    _Command.code = code


def _answer(number: int, frame: types.FrameType | None) -> None:
    """Answer a signal; SIGALRM is the look whether the interrupt before it has come through."""
    if _Command.code is not None:
        os._exit(_Command.code)
    again = number == signal.SIGALRM
    late = time.monotonic() > _Command.deadline if again else bool(_Command.number)
    if not _Command.works or late:
        _end_at_once(number)
    if again and (_Command.raised is None or _Command.raised() is not None):
        return
    # Some modules take an interrupt, while they are loaded, for something that is missing.
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            _end_at_once(number)
        frame = frame.f_back
    if not again:
        _Command.number, _Command.deadline = number, time.monotonic() + _PATIENCE
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    raise Interrupted


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Python cannot raise everywhere, as while it frees an object; there the interrupt would be lost."""
    if issubclass(unraisable.exc_type, Interrupted):
        _end_at_once(_Command.number)
    sys.__unraisablehook__(unraisable)


def _end_at_once(number: int) -> None:
    # A line that a progress bar has begun is cleared first.
    start = "\r\033[K" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{_Command.ending}\n".encode() if _Command.ending else b"")
    os._exit(128 + (_Command.number or number))
