"""What is set for this machine, its processors and memory, its language settings, and the engine."""

from __future__ import annotations

import importlib.util
import locale
import os
import platform
import socket
import sys
from collections.abc import Iterator, Mapping

from pipeline.doctor.findings import Finding
from pipeline.runtime.errors import ParameterError
from pipeline.runtime.human_readable import size
from pipeline.runtime.logging_setup import VARIABLE as LEVEL_VARIABLE
from pipeline.runtime.machine import LOCAL_FILE, Machine, read_machine, usable_processors
from pipeline.runtime.memory import available_memory

_PREFIX = "DUSKLINE_"
# Bytes: what a stage with a network takes at least.
_LEAST_MEMORY, _GOOD_MEMORY = 1_500_000_000, 4_000_000_000
# Seconds to wait for an answer of a cluster.
_KNOCKING = 5


def settings_or_defaults() -> Machine:
    """The machine's settings, or the defaults where these cannot be read, which a finding of its own says."""
    try:
        return read_machine()
    except ParameterError:
        return read_machine({}, LOCAL_FILE.with_name("none"))


def check_settings(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """`DUSKLINE_*` variables and the local file: which there are, and whether they are known."""
    names = sorted(name for name in environment if name.upper().startswith(_PREFIX))
    stray = [name for name in names if not name.startswith(_PREFIX)]
    try:
        read_machine(environment)
    except ParameterError as error:
        yield Finding("settings", "fault", error.message, f"unset the variable, or mend {LOCAL_FILE}")
        return
    # The level of speech is every command's own: it hands it to its workers by that variable.
    known = [name for name in names if name not in stray and name != LEVEL_VARIABLE]
    given = [f"{name}={environment[name]}" for name in known]
    if LOCAL_FILE.is_file():
        given.append(str(LOCAL_FILE))
    yield Finding("settings", "ok", ", ".join(given) or "none, all defaults")
    if stray:
        yield Finding(
            "settings", "warning", f"nobody reads {', '.join(stray)}", "names of settings are in capitals"
        )


def check_hardware(machine: Machine) -> Iterator[Finding]:
    """Processors and memory."""
    usable, there = usable_processors(), os.cpu_count() or 1
    of_all = f"{usable} of {there} processors" if usable < there else f"{there} processors"
    words = f"{of_all}, {machine.workers} workers, {platform.machine()}"
    if machine.workers > 2 * usable:
        yield Finding(
            "processors", "warning", words, "more workers than processors only take memory: DUSKLINE_WORKERS"
        )
    else:
        yield Finding("processors", "ok", words)
    memory = available_memory()
    if memory is None:
        yield Finding("memory", "note", "this machine does not tell how much is free")
        return
    free = f"{size(memory)} free for this process and its workers"
    advice = "end other programs, or use a machine with more; DUSKLINE_WORKERS=1 takes least"
    if memory < _LEAST_MEMORY:
        yield Finding("memory", "fault", f"{free}; stages with a network need {size(_LEAST_MEMORY)}", advice)
    elif memory < _GOOD_MEMORY:
        yield Finding("memory", "warning", f"{free}; {size(_GOOD_MEMORY)} are well", advice)
    else:
        yield Finding("memory", "ok", free)


def check_language() -> Iterator[Finding]:
    """Whether names and texts are UTF-8."""
    names, texts = sys.getfilesystemencoding().lower(), locale.getpreferredencoding(False).lower()
    if names in ("utf-8", "utf8") and texts in ("utf-8", "utf8"):
        yield Finding("language", "ok", "names and texts are UTF-8")
        return
    yield Finding(
        "language",
        "warning",
        f"names of files are {names}, texts {texts}; other letters than English ones may be refused",
        "export LC_ALL=C.UTF-8, or PYTHONUTF8=1",
    )


def check_engine(machine: Machine, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Where translation and evaluation are done, and whether the cluster answers."""
    if machine.engine == "local":
        yield Finding("engine", "ok", "local: this machine's own processes")
        return
    if importlib.util.find_spec("ray") is None:
        yield Finding(
            "engine",
            "fault",
            "ray, which is not installed",
            "pip install 'duskline[cluster]', or DUSKLINE_ENGINE=local",
        )
        return
    address = environment.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit() and "/" not in host):
        named = f"ray at {address}" if address else "ray, without RAY_ADDRESS"
        yield Finding(
            "engine", "note", f"{named}: a cluster of this machine is joined, or one is started for the run"
        )
        return
    try:
        socket.create_connection((host, int(port)), _KNOCKING).close()
    except OSError as error:
        yield Finding(
            "engine",
            "fault",
            f"ray at {address}, which does not answer ({error.strerror or error})",
            "start it (`ray start --head`, docs/cluster.md), set RAY_ADDRESS, or DUSKLINE_ENGINE=local",
        )
    else:
        yield Finding("engine", "ok", f"ray at {address}, which answers")
