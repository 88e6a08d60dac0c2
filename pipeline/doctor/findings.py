"""The result of a check: ok, note, warning or fault, in one line, with what to do about it."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

# note: nothing is wrong, but something is worth knowing. warning: it works, but not as it should or not for
# long. fault: `dvc repro` would fail.
Grade = Literal["ok", "note", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """The grade of a check and what was found; `advice` says what to do."""

    grade: Grade
    found: str
    advice: str = ""

    def line(self, subject: str) -> str:
        """Grade, subject and finding; advice on a line of its own."""
        line = f"{self.grade:<8} {subject:<12} {self.found}"
        return f"{line}\n{'':<21} -> {self.advice}" if self.advice else line


ok = functools.partial(Finding, "ok")
note = functools.partial(Finding, "note")
warning = functools.partial(Finding, "warning")
fault = functools.partial(Finding, "fault")


def findings_of(
    checks: Iterable[tuple[str, Callable[[], Iterable[Finding]]]],
) -> Iterator[tuple[str, Finding]]:
    """Run checks, each with its subject; one that raises an error is a fault, and the others still run."""
    for subject, look in checks:
        try:
            yield from ((subject, finding) for finding in look())
        except Exception as error:  # one check must not hide the results of the others
            reason = (str(error).splitlines() or [""])[0]
            found = f"this check failed: {type(error).__name__}: {reason}"
            advice = "fix the cause, or report it with the output of `duskline doctor --debug`"
            yield subject, fault(found, advice)


class NoAnswerError(Exception):
    """A separate process gave no answer; the message says why in one line."""


def ask_process(*arguments: str, seconds: float) -> str:
    """What a separate Python process prints, for code that may crash or hang, such as loading a library."""
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
