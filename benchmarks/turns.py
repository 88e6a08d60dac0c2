"""Ways of doing one thing, each in a process of its own, that take turns: a busy machine slows them all."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Ways = dict[str, "subprocess.Popen[str]"]


@contextlib.contextmanager
def started(module: str, arguments: Mapping[str, Sequence[str]]) -> Iterator[Ways]:
    """Run `python -m module` with the arguments of each way for the block; each must `serve`."""
    ways = {
        way: subprocess.Popen(
            [sys.executable, "-m", module, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for way, given in arguments.items()
    }
    try:
        yield ways
    finally:
        for process in ways.values():
            if process.stdin:
                process.stdin.close()
            process.wait()


def take_turns(ways: Ways, rounds: int) -> dict[str, list[Any]]:
    """What each way answers in each of the rounds."""
    answers: dict[str, list[Any]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, process in ways.items():
            print("go", file=process.stdin, flush=True)
            answer = process.stdout.readline() if process.stdout else ""
            if not answer:
                raise SystemExit(f"{way} ended before it answered; is there memory for it?")
            answers[way].append(json.loads(answer))
    return answers


def serve(work: Callable[[], Any]) -> None:
    """Do the work once for each line of standard input, and answer each with what it gives, as JSON."""
    for _ in sys.stdin:
        print(json.dumps(work()), flush=True)
