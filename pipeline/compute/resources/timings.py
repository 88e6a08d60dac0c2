"""Time and memory of the last run of each stage, for estimates; no output and no stage depends on them.

    <work>/timings/<stage>.json    seconds, bytes, items and machine of one instance's last run

These files may be damaged or removed at any time. A run whose timing cannot be written still succeeds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import platform
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.files import write_json
from pipeline.runtime.machine import Machine, read_machine

FOLDER = "timings"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """One successful run of a stage.

    memory: peak memory of its largest process, bytes. items: how many images, queries or iterations it did
    itself, without those finished by an earlier run; 0 if it counts nothing. machine: in words.
    """

    seconds: float
    memory: int
    items: int
    machine: str


# Items of the stage that this process runs.
_items: Counter[str] = Counter()


def note_work(*, of: int, done: int) -> None:
    """Add to the number of items that the current run has (`of`) and that it does itself (`done`)."""
    _items.update(of=of, done=done)


@contextlib.contextmanager
def timed(stage: str) -> Iterator[None]:
    """Record time and memory of the block, a whole run of `stage`; a failed run is not recorded."""
    _items.clear()
    start = time.perf_counter()
    yield
    seconds = round(time.perf_counter() - start, 3)
    try:
        machine = read_machine()
        timing = Timing(seconds, _peak_memory(), _items["done"], machine_in_words(machine))
        before = read_timings(machine.work).get(stage)
        # A run that found most of its work done says less about a whole run than an earlier record.
        if timing.items == _items["of"] or timing.items > (before.items if before else 0):
            add_timing(machine.work, stage, timing)
    except Exception as error:  # a full disk, a folder that may not be written to: the stage itself is done
        _log.debug("the timing of %s was not recorded: %s", stage, error)


def add_timing(work: Path, stage: str, timing: Timing) -> None:
    """Record a run of `stage` in the work store `work`; it replaces the earlier record."""
    write_json(work / FOLDER / f"{stage}.json", asdict(timing))


def read_timings(work: Path) -> dict[str, Timing]:
    """The records in the work store `work`, by stage; damaged records are skipped."""
    found = {}
    for file in sorted((work / FOLDER).glob("[!.]*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
            said = json.loads(file.read_bytes())
            found[file.stem] = Timing(
                float(said["seconds"]), int(said["memory"]), int(said["items"]), str(said["machine"])
            )
    return found


def machine_in_words(machine: Machine) -> str:
    """The machine and its settings that change how long something takes."""
    return f"{platform.node()}, {machine.device}, {machine.engine}, {machine.workers} workers"


def _peak_memory() -> int:
    """Of this process and its finished children; never less than that of the `dvc` that started it."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in who) * (1 if sys.platform == "darwin" else 1024)
