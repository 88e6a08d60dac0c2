from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.doctor import machine_settings
from pipeline.doctor.findings import ok
from pipeline.doctor.machine_settings import (
    check_engine,
    check_memory,
    check_processors,
    check_settings,
    settings_or_defaults,
)
from pipeline.runtime.machine import Machine, usable_processors
from tests.free_port import free_port

MACHINE = Machine("auto", usable_processors(), Path("archives"), Path("work"), "local")
RAY = replace(MACHINE, engine="ray")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_settings_are_shown_with_where_they_stand() -> None:
    assert list(check_settings({"PATH": "/bin"})) == [ok("none, all defaults")]
    Path("duskline.local.yaml").write_text("device: cpu\n")
    assert list(check_settings({"DUSKLINE_WORKERS": "2"})) == [ok("DUSKLINE_WORKERS=2, duskline.local.yaml")]


@pytest.mark.parametrize("name", ["DUSKLINE_WORKER", "DUSKLINE_WORKERS"])
def test_unknown_and_impossible_settings_are_faults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = check_settings({name: "many"})
    assert found.grade == "fault"
    assert "WORKERS" in found.found or "workers must be" in found.found
    monkeypatch.setenv(name, "many")
    assert settings_or_defaults().workers == usable_processors()


def test_processors_and_far_too_many_workers() -> None:
    [found] = check_processors(MACHINE)
    assert (found.grade, f"{MACHINE.workers} workers" in found.found) == ("ok", True)
    [found] = check_processors(replace(MACHINE, workers=1000))
    assert (found.grade, "DUSKLINE_WORKERS" in found.advice) == ("warning", True)


@pytest.mark.parametrize(
    ("memory", "grade"), [(10**9, "fault"), (3 * 10**9, "warning"), (5 * 10**9, "ok"), (None, "note")]
)
def test_memory(memory: int | None, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_settings, "available_memory", lambda: memory)
    [found] = check_memory()
    assert found.grade == grade
    assert bool(found.advice) == (grade in ("fault", "warning"))


def test_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check_engine(MACHINE)) == [ok("local: processes of this machine")]
    [unnamed] = check_engine(RAY, {})
    assert (unnamed.grade, "without RAY_ADDRESS" in unnamed.found) == ("note", True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert list(check_engine(RAY, {"RAY_ADDRESS": address})) == [ok(f"ray at {address}, which answers")]
    [dead] = check_engine(RAY, {"RAY_ADDRESS": f"127.0.0.1:{free_port()}"})
    assert (dead.grade, "docs/cluster.md" in dead.advice) == ("fault", True)
    assert dead.found.endswith(", which does not answer (Connection refused)")
    monkeypatch.setattr(machine_settings.importlib.util, "find_spec", lambda _: None)
    [missing] = check_engine(RAY, {})
    assert (missing.grade, missing.found) == ("fault", "ray, which is not installed")
