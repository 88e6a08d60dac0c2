from __future__ import annotations

import locale
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.doctor import machine_settings
from pipeline.doctor.findings import Finding
from pipeline.doctor.machine_settings import (
    check_engine,
    check_hardware,
    check_language,
    check_settings,
    settings_or_defaults,
)
from pipeline.runtime.machine import Machine, usable_processors
from tests.free_port import free_port

MACHINE = Machine("auto", usable_processors(), Path("archives"), Path("work"), "local")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_settings() -> None:
    assert list(check_settings({"PATH": "/bin"})) == [Finding("settings", "ok", "none, all defaults")]


def test_settings_are_shown_with_where_they_stand(folder_of_its_own: Path) -> None:
    (folder_of_its_own / "duskline.local.yaml").write_text("device: cpu\n")
    [found] = check_settings({"DUSKLINE_WORKERS": "2"})
    assert found.found == "DUSKLINE_WORKERS=2, duskline.local.yaml"


@pytest.mark.parametrize("name", ["DUSKLINE_WORKER", "DUSKLINE_WORKERS"])
def test_unknown_and_impossible_settings_are_faults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = check_settings({name: "many"})
    assert found.grade == "fault"
    assert "WORKERS" in found.found or "workers must be" in found.found
    monkeypatch.setenv(name, "many")
    assert settings_or_defaults().workers == usable_processors()


def test_a_name_in_small_letters_is_read_by_nobody() -> None:
    found = list(check_settings({"duskline_workers": "2"}))[-1]
    assert (found.grade, found.found) == ("warning", "nobody reads duskline_workers")


def test_the_hardware_of_this_machine() -> None:
    processors, memory = check_hardware(MACHINE)
    assert processors.grade == "ok"
    assert f"{MACHINE.workers} workers" in processors.found
    assert "free for this process" in memory.found


def test_far_too_many_workers() -> None:
    found = next(iter(check_hardware(replace(MACHINE, workers=1000))))
    assert (found.grade, "DUSKLINE_WORKERS" in found.advice) == ("warning", True)


@pytest.mark.parametrize(
    ("memory", "grade"), [(10**9, "fault"), (3 * 10**9, "warning"), (5 * 10**9, "ok"), (None, "note")]
)
def test_memory(memory: int | None, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_settings, "available_memory", lambda: memory)
    found = list(check_hardware(MACHINE))[1]
    assert found.grade == grade
    assert bool(found.advice) == (grade in ("fault", "warning"))


def test_letters_that_are_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.grade for finding in check_language()] == ["ok"]
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: "ANSI_X3.4-1968")
    [found] = check_language()
    assert (found.grade, found.advice) == ("warning", "export LC_ALL=C.UTF-8, or PYTHONUTF8=1")


def test_the_engine_of_this_machine() -> None:
    [found] = check_engine(MACHINE)
    assert (found.grade, found.found) == ("ok", "local: this machine's own processes")


def test_a_cluster_that_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        [found] = check_engine(replace(MACHINE, engine="ray"), {"RAY_ADDRESS": address})
    assert (found.grade, found.found) == ("ok", f"ray at {address}, which answers")


def test_a_cluster_that_does_not_answer() -> None:
    address = f"127.0.0.1:{free_port()}"
    [found] = check_engine(replace(MACHINE, engine="ray"), {"RAY_ADDRESS": address})
    assert found.grade == "fault"
    assert found.found == f"ray at {address}, which does not answer (Connection refused)"
    assert "docs/cluster.md" in found.advice


def test_a_cluster_that_is_not_named() -> None:
    [found] = check_engine(replace(MACHINE, engine="ray"), {})
    assert (found.grade, "without RAY_ADDRESS" in found.found) == ("note", True)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_settings.importlib.util, "find_spec", lambda _: None)
    [found] = check_engine(replace(MACHINE, engine="ray"), {})
    assert (found.grade, found.found) == ("fault", "ray, which is not installed")
