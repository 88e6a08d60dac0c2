"""Commands as processes that are interrupted, and what is to be seen of that: one line, and nobody left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Seconds that a command has for its end, on a machine with much else to do.
PATIENCE = 60


@dataclass(frozen=True)
class Ended:
    """Exit code and what was said on both streams; seconds from the signal to the end."""

    code: int
    said: str
    seconds: float


class Running:
    """A command in a process group of its own, begun so far that it answers signals in its own words."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # Python itself takes a while to begin; only then is there code of ours.
        wait_for(self._answers, "the command to begin")

    def _answers(self) -> bool:
        return not self.is_running() or catches(self._process.pid, signal.SIGALRM)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def interrupt(self, number: signal.Signals, *, group: bool) -> Ended:
        """Send a signal, to the whole group as a terminal does, or to the first process alone."""
        begun = time.monotonic()
        (os.killpg if group else os.kill)(self._process.pid, number)
        said, _ = self._process.communicate(timeout=PATIENCE)
        ended = Ended(self._process.returncode, said, time.monotonic() - begun)
        wait_for(self._is_gone, "all processes of the command to end")
        return ended

    def _is_gone(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def catches(process: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.005)


def check_line(ended: Ended, number: signal.Signals, *lines: str) -> None:
    """Hold what an interrupted command said against `lines`; one that was done already says no such thing."""
    if ended.code in (0, -number):
        # Done, and perhaps hit while Python itself was ending.
        assert "interrupted" not in ended.said
        assert "Traceback" not in ended.said
        return
    assert ended.code == 128 + number, ended
    # What it has printed before, as it should, stands above.
    *printed, last = ended.said.splitlines()
    assert last in lines or last == "interrupted", ended.said
    assert not any(line.startswith(("interrupted", "Traceback", " ")) for line in printed), ended.said
