"""What a check finds: well, worth knowing, a warning or a fault, in one line, with what to do about it."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

# note: nothing is wrong, but something is worth knowing. warning: it works, but not as it should or not for
# long. fault: it stands in the way of `dvc repro`.
Grade = Literal["ok", "note", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """How something stands and what was found; `advice` says what to do."""

    grade: Grade
    found: str
    advice: str = ""

    def line(self, subject: str) -> str:
        """The grade first, in words, then what was looked at; advice on a line of its own."""
        line = f"{self.grade:<8} {subject:<12} {self.found}"
        return f"{line}\n{'':<21} -> {self.advice}" if self.advice else line


ok = functools.partial(Finding, "ok")
note = functools.partial(Finding, "note")
warning = functools.partial(Finding, "warning")
fault = functools.partial(Finding, "fault")


def findings_of(
    checks: Iterable[tuple[str, Callable[[], Iterable[Finding]]]],
) -> Iterator[tuple[str, Finding]]:
    """Carry out checks, each with its subject; one that breaks is itself a fault, and others go on."""
    for subject, look in checks:
        try:
            yield from ((subject, finding) for finding in look())
        except Exception as error:  # whatever it is: one check must not hide what the others find
            reason = (str(error).splitlines() or [""])[0]
            found = f"this check failed: {type(error).__name__}: {reason}"
            advice = "fix the cause, or report it with the output of `duskline doctor --debug`"
            yield subject, fault(found, advice)


class NoAnswerError(Exception):
    """A process of its own has not answered; says why in one line."""


def ask_process(*arguments: str, seconds: float) -> str:
    """What another Python prints that does what may crash or hang, such as load a library."""
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"no answer within {seconds:g} s") from error
    if done.returncode:
        raise NoAnswerError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    return done.stdout.strip()
