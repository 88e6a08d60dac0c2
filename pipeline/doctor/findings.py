"""What a check finds: well, worth knowing, a warning or a fault, in one line, with what to do about it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

# note: nothing is wrong, but something is worth knowing. warning: it works, but not as it should or not for
# long. fault: it stands in the way of `dvc repro`.
Grade = Literal["ok", "note", "warning", "fault"]

_WIDTH = 12


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, how it stands, what was found; `advice` says what to do."""

    subject: str
    grade: Grade
    found: str
    advice: str = ""

    def __str__(self) -> str:
        """The grade first, in words; advice on a line of its own."""
        line = f"{self.grade:<8} {self.subject:<{_WIDTH}} {self.found}"
        return f"{line}\n{'':<8} {'':<{_WIDTH}} -> {self.advice}" if self.advice else line


@dataclass(frozen=True)
class Check:
    """Something to look at: its subject, and what looks and gives one or more findings."""

    subject: str
    look: Callable[[], Iterable[Finding]]


def findings_of(checks: Iterable[Check]) -> Iterator[Finding]:
    """Carry out `checks` in their order; one that breaks gives a fault that says so, and others go on."""
    for check in checks:
        try:
            yield from check.look()
        except Exception as error:  # whatever it is: one check must not hide what the others find
            reason = (str(error).splitlines() or [""])[0]
            yield Finding(
                check.subject,
                "fault",
                f"this check broke down: {type(error).__name__}: {reason}",
                "mend what it says if you can; else report it with the output of `duskline doctor --debug`",
            )


@dataclass(frozen=True)
class Answer:
    """What a process of its own printed; or `reason`, why it gave no answer."""

    text: str = ""
    reason: str = ""


def ask_process(arguments: Sequence[str], seconds: float) -> Answer:
    """Have another Python do what may crash or hang, such as load a library; it has so many `seconds`."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(reason=f"no answer within {seconds:g} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return Answer(reason=lines[-1] if lines else f"it ended with {done.returncode}")
    return Answer(text=done.stdout.strip())
