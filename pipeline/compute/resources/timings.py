"""How long stages took, written down for estimates of their next runs; no output and no stage depends on it.

    <work>/timings/<stage>.jsonl    the newest runs of one instance: a JSON document a line, the oldest first

It may be damaged or removed at any time: then less is known. A run that cannot be written down ends as
well as any other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.compute.resources.peak_memory import PeakMemory
from pipeline.core.files import write_text
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.machine import Machine, read_machine
from pipeline.runtime.stage_outs import outs_of

FOLDER = "timings"
# Newest runs of an instance that are kept, and instances; a run takes about 400 bytes.
KEPT_RUNS = 20
KEPT_INSTANCES = 2000
_SUFFIX = ".jsonl"
_MANIFEST = "manifest.csv"
_PIECE = 1 << 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Timing:
    """One run of a stage that ended well.

    stage: the instance, such as `train@dn_gem`. ended: seconds since 1970. seconds: how long it took.
    memory: the most that it and its processes held, bytes. size: bytes of its outputs; written: those of them
    that it wrote, and did not link to something that was there.
    unit, of, done: what its work is counted in ("image", "query", "iteration"), how much there was of it, and
    how much of that it did itself: the rest was found, made by an earlier run. "" and 0 when it has no count.
    path: the arithmetic in words; "" where none was told. host, device, engine, workers: on which machine and
    by which of its settings.
    """

    stage: str
    ended: float
    seconds: float
    memory: int
    size: int
    written: int
    unit: str
    of: int
    done: int
    path: str
    host: str
    device: str
    engine: str
    workers: int

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, kinds = getattr(self, field.name), _KINDS[str(field.type)]
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise TypeError(f"{field.name} must be {field.type}, not {value!r}")
            if isinstance(value, int | float) and not 0 <= value < math.inf:
                raise ValueError(f"{field.name} must be a number from 0 on, not {value!r}")


_KINDS = {"str": (str,), "int": (int,), "float": (int, float)}


@dataclass
class _Work:
    """What the run under way has told of its work."""

    unit: str = ""
    of: int = 0
    done: int = 0
    path: str = ""

    def forget(self) -> None:
        """Begin anew."""
        self.unit, self.of, self.done, self.path = "", 0, 0, ""


# Of this process, which runs one stage.
_under_way = _Work()


def note_work(unit: str, *, of: int, done: int, path: str = "") -> None:
    """Tell how much work the run under way has (`of`), and how much of it is not found but `done` now.

    Several notes of one unit add up. `path` names the arithmetic. Outside a timed stage it leads to nothing.
    """
    work = _under_way
    if work.unit not in ("", unit):
        return
    work.unit, work.path = unit, path or work.path
    work.of += of
    work.done += done


@contextlib.contextmanager
def timed(stage: str) -> Iterator[None]:
    """Write down how the block, a whole run of `stage`, went; one that ends in an error is not.

    To be used by one run of an instance at a time. Nothing goes wrong that would not without it.
    """
    _under_way.forget()
    begun, start = time.time(), time.perf_counter()
    with PeakMemory() as memory:
        yield
    seconds = time.perf_counter() - start
    try:
        machine = read_machine()
        add_timing(machine.work, _timing(stage, begun, seconds, memory.bytes, _under_way, machine))
    except Exception as error:  # a full disk, a folder that may not be written to: the stage itself is done
        _log.debug("the run of %s was not written down: %s", stage, error)


def add_timing(work: Path, timing: Timing) -> None:
    """Add a run to those of its stage in the work store `work`; the oldest beyond `KEPT_RUNS` go."""
    target = _file(work, timing.stage)
    lines = [json.dumps(dataclasses.asdict(run)) for run in (*read_timings(work, timing.stage), timing)]
    write_text(target, "\n".join(lines[-KEPT_RUNS:]) + "\n")
    _keep_newest(target.parent)


def read_timings(work: Path, stage: str) -> list[Timing]:
    """Runs of a stage, the oldest first; lines that are damaged or of another version are passed over."""
    try:
        lines = _file(work, stage).read_bytes().splitlines()
    except OSError:
        return []
    return [timing for line in lines if (timing := _read(line)) is not None and timing.stage == stage]


def recorded_stages(work: Path) -> list[str]:
    """The stages of which runs are written down, sorted."""
    return sorted(file.name.removesuffix(_SUFFIX) for file in (work / FOLDER).glob(f"[!.]*{_SUFFIX}"))


def _file(work: Path, stage: str) -> Path:
    return work / FOLDER / f"{stage}{_SUFFIX}"


def _read(line: bytes) -> Timing | None:
    try:
        return Timing(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None


def _keep_newest(folder: Path) -> None:
    files = list(folder.glob(f"[!.]*{_SUFFIX}"))
    if len(files) > KEPT_INSTANCES:
        for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)[:-KEPT_INSTANCES]:
            file.unlink(missing_ok=True)


def _timing(stage: str, begun: float, seconds: float, memory: int, work: _Work, machine: Machine) -> Timing:
    outs = _outs(stage)
    sizes = list(_sizes(outs))
    images = 0 if work.unit else sum(_images(out) for out in outs)
    return Timing(
        stage=stage,
        ended=time.time(),
        seconds=round(seconds, 3),
        memory=memory,
        size=sum(size for size, _ in sizes),
        written=sum(size for size, changed in sizes if changed >= begun),
        unit=work.unit or ("image" if images else ""),
        of=work.of or images,
        done=work.done if work.unit else images,
        path=work.path,
        host=platform.node(),
        device=machine.device,
        engine=machine.engine,
        workers=machine.workers,
    )


def _outs(stage: str) -> list[Path]:
    try:
        return outs_of(stage)
    except (LookupError, OSError, ValueError, StopIteration, DusklineError):
        return []  # run by hand, outside a project or by a name that it does not have


def _sizes(outs: list[Path]) -> Iterator[tuple[int, float]]:
    """Size in bytes and time of change of each file of the outputs."""
    for out in outs:
        if out.is_file():
            yield out.stat().st_size, out.stat().st_mtime
        for folder, _, names in os.walk(out):
            for name in names:
                stat = Path(folder, name).stat()
                yield stat.st_size, stat.st_mtime


def _images(out: Path) -> int:
    """How many images an image set has, by its manifest; 0 of anything else."""
    try:
        with (out / _MANIFEST).open("rb") as stream:
            lines = sum(piece.count(b"\n") for piece in iter(lambda: stream.read(_PIECE), b""))
    except OSError:
        return 0
    return max(0, lines - 1)
