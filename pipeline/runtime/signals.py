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


class Interrupted(KeyboardInterrupt):
    """A signal has come while work was done."""

    def __init__(self) -> None:
        _command.raised = weakref.ref(self)


class _Command:
    """What this process is at: the words for its line, the signal that has come, the exit code at its end."""

    answers = False
    ending = "interrupted"
    works = False
    number = 0
    # What was raised last, for as long as anything holds it: it is under way or is being answered.
    raised: weakref.ref[Interrupted] | None = None
    deadline = 0.0
    code: int | None = None


_command = _Command()


def answer_signals() -> None:
    """Let signals end this process as a command; called before anything else is loaded."""
    _command.answers = True
    # Who started us in the background may have had SIGINT ignored, and that is to stay.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _answer)
    signal.signal(signal.SIGTERM, _answer)
    signal.signal(signal.SIGALRM, _look_again)
    sys.unraisablehook = _unraisable


def signals_are_answered() -> bool:
    """Whether this process is such a command."""
    return _command.answers


@contextlib.contextmanager
def interruptible(ending: str) -> Iterator[None]:
    """Let a signal raise `Interrupted` in the block; `ending` is the line where it ends the process at once.

    "" is for a process that does not speak.
    """
    _command.ending = ending
    _command.works = _command.answers
    try:
        yield
    finally:
        _command.works = False
        if _command.answers:
            signal.setitimer(signal.ITIMER_REAL, 0)


def interrupting_signal() -> int:
    """The signal that has interrupted the work; 0 when none has."""
    return _command.number


def ended(code: int) -> None:
    """Let a signal that comes from now on end the process with `code`: all is done and said."""
    _command.code = code


def _answer(number: int, frame: types.FrameType | None) -> None:
    if _command.code is not None:
        os._exit(_command.code)
    if not _command.works or _command.number or _loads_modules(frame):
        _end_at_once(_command.number or number)
    _command.number = number
    _command.deadline = time.monotonic() + _PATIENCE
    signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
    raise Interrupted


def _look_again(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the handler's signature
    if _command.code is not None:
        os._exit(_command.code)
    if not _command.works or time.monotonic() > _command.deadline:
        _end_at_once(_command.number)
    if _command.raised is not None and _command.raised() is None:
        if _loads_modules(frame):
            _end_at_once(_command.number)
        raise Interrupted


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Python cannot raise everywhere, as while it frees an object; there the interrupt would be lost."""
    if issubclass(unraisable.exc_type, Interrupted):
        _end_at_once(_command.number)
    sys.__unraisablehook__(unraisable)


def _loads_modules(frame: types.FrameType | None) -> bool:
    """Whether modules are being loaded: some of them take an interrupt for something that is missing."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _end_at_once(number: int) -> None:
    # A line that a progress bar has begun is cleared first.
    start = "\r\033[K" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{start}{_command.ending}\n".encode() if _command.ending else b"")
    os._exit(128 + number)
