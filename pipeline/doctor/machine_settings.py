"""Checks the machine's settings, processors, memory, and the engine."""

from __future__ import annotations

import importlib.util
import os
import platform
import socket
from collections.abc import Iterator, Mapping

from pipeline.doctor.findings import Finding, fault, note, ok, warning
from pipeline.runtime.errors import ParameterError
from pipeline.runtime.human_readable import size
from pipeline.runtime.logging_setup import VARIABLE as LEVEL_VARIABLE
from pipeline.runtime.machine import LOCAL_FILE, Machine, read_machine, usable_processors
from pipeline.runtime.memory import available_memory

# Bytes that a stage with a network needs at least, and comfortably.
_LEAST_MEMORY, _GOOD_MEMORY = 1_500_000_000, 4_000_000_000
# Seconds to wait for an answer of a cluster.
_KNOCKING = 5


def settings_or_defaults() -> Machine:
    """The machine's settings, or the defaults if they are invalid, which another check reports."""
    try:
        return read_machine()
    except ParameterError:
        return read_machine({}, LOCAL_FILE.with_name("none"))


def check_settings(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """`DUSKLINE_*` variables and the local file: which are set, and whether they are valid."""
    try:
        read_machine(environment)
    except ParameterError as error:
        yield fault(error.message, f"unset the variable, or fix {LOCAL_FILE}")
        return
    # Each command sets the level variable itself, for its workers.
    names = sorted(name for name in environment if name.startswith("DUSKLINE_") and name != LEVEL_VARIABLE)
    given = [f"{name}={environment[name]}" for name in names]
    yield ok(
        ", ".join([*given, *([str(LOCAL_FILE)] if LOCAL_FILE.is_file() else [])]) or "none, all defaults"
    )


def check_processors(machine: Machine) -> Iterator[Finding]:
    """How many there are, and whether there are too many workers."""
    usable, there = usable_processors(), os.cpu_count() or 1
    of_all = f"{usable} of {there} processors" if usable < there else f"{there} processors"
    words = f"{of_all}, {machine.workers} workers, {platform.machine()}"
    if machine.workers > 2 * usable:
        yield warning(words, "more workers than processors only use memory: lower DUSKLINE_WORKERS")
    else:
        yield ok(words)


def check_memory() -> Iterator[Finding]:
    """How much memory is free, compared with what a stage with a network needs."""
    memory = available_memory()
    if memory is None:
        yield note("this machine does not say how much memory is free")
        return
    free = f"{size(memory)} free for this process and its workers"
    advice = "close other programs, or use a machine with more memory; DUSKLINE_WORKERS=1 uses least"
    if memory < _LEAST_MEMORY:
        yield fault(f"{free}; stages with a network need {size(_LEAST_MEMORY)}", advice)
    elif memory < _GOOD_MEMORY:
        yield warning(f"{free}; {size(_GOOD_MEMORY)} are recommended", advice)
    else:
        yield ok(free)


def check_engine(machine: Machine, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Where translation and evaluation run, and whether the cluster answers."""
    address = environment.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    if machine.engine == "local":
        yield ok("local: processes of this machine")
    elif importlib.util.find_spec("ray") is None:
        advice = "pip install 'duskline[cluster]', or set DUSKLINE_ENGINE=local"
        yield fault("ray, which is not installed", advice)
    elif not (host and port.isdigit() and "/" not in host):
        named = f"ray at {address}" if address else "ray, without RAY_ADDRESS"
        yield note(f"{named}: joins a cluster on this machine, or starts one for the run")
    else:
        try:
            socket.create_connection((host, int(port)), _KNOCKING).close()
        except OSError as error:
            yield fault(
                f"ray at {address}, which does not answer ({error.strerror or error})",
                "start it (`ray start --head`, docs/cluster.md), correct RAY_ADDRESS, or set"
                " DUSKLINE_ENGINE=local",
            )
        else:
            yield ok(f"ray at {address}, which answers")
