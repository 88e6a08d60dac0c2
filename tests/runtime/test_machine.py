from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.runtime.errors import ParameterError
from pipeline.runtime.machine import Machine, read_machine, usable_processors


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "duskline.local.yaml"


def test_without_a_word_it_is_this_machine(local: Path) -> None:
    machine = read_machine({"PATH": "/bin"}, local)
    assert machine == Machine("auto", usable_processors(), Path("archives"), Path("work"), "local")


def test_processors_that_may_not_be_used_are_not_counted() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_the_environment_wins_over_the_file_over_the_defaults(local: Path) -> None:
    local.write_text("workers: 3\ndevice: cpu\narchives: /mnt/archives\n")
    machine = read_machine(
        {"DUSKLINE_WORKERS": "5", "DUSKLINE_WORK": "/fast/work", "DUSKLINE_ENGINE": "ray"}, local
    )
    assert machine == Machine("cpu", 5, Path("/mnt/archives"), Path("/fast/work"), "ray")


def test_folders_may_begin_at_home(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    local.write_text("work: ~/work\n")
    assert read_machine({}, local).work == Path("/home/somebody/work")


def test_this_process_is_asked_when_nothing_is_given(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORKERS", "11")
    assert read_machine(local_file=local).workers == 11


def test_a_file_that_says_nothing_is_none(local: Path) -> None:
    local.write_text("# nothing yet\n")
    assert read_machine({}, local) == read_machine({}, local.with_name("missing.yaml"))


@pytest.mark.parametrize("workers", ["0", "-1", "many", "", "1.5"])
def test_impossible_workers_are_refused(local: Path, workers: str) -> None:
    with pytest.raises(
        ParameterError, match=f"workers must be a whole number of at least 1, not {workers!r}"
    ):
        read_machine({"DUSKLINE_WORKERS": workers}, local)


@pytest.mark.parametrize("device", ["gpu", "", "CUDA", "cuda:0"])
def test_unknown_devices_are_refused(local: Path, device: str) -> None:
    with pytest.raises(ParameterError, match=f"device must be auto, cpu or cuda, not {device!r}"):
        read_machine({"DUSKLINE_DEVICE": device}, local)


@pytest.mark.parametrize("engine", ["Ray", "", "dask", "ray://head:10001"])
def test_unknown_engines_are_refused(local: Path, engine: str) -> None:
    with pytest.raises(ParameterError, match=f"engine must be local or ray, not {engine!r}"):
        read_machine({"DUSKLINE_ENGINE": engine}, local)


@pytest.mark.parametrize("name", ["work", "archives"])
@pytest.mark.parametrize("value", ["", "5", "[a]", "null"])
def test_folders_are_paths(local: Path, name: str, value: str) -> None:
    local.write_text(f"{name}: {value}\n")
    with pytest.raises(ParameterError, match=f"{name} must be the path of a folder"):
        read_machine({}, local)


def test_an_empty_variable_is_no_folder(local: Path) -> None:
    with pytest.raises(ParameterError, match="work must be the path of a folder, not ''"):
        read_machine({"DUSKLINE_WORK": ""}, local)


def test_a_misspelt_name_is_told_with_the_known_ones(local: Path) -> None:
    with pytest.raises(
        ParameterError, match="unknown variable DUSKLINE_WORKER; known are DUSKLINE_ARCHIVES, "
    ):
        read_machine({"DUSKLINE_WORKER": "3"}, local)
    local.write_text("worker: 3\n")
    with pytest.raises(
        ParameterError, match=r"local\.yaml: unknown setting 'worker'; known are archives, device"
    ):
        read_machine({}, local)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"workers: [", "is not YAML"),
        (b"- workers", "expected `name: value` lines, found list"),
        (b"workers", "expected `name: value` lines, found str"),
        (b"work: \xff", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(local: Path, content: bytes, message: str) -> None:
    local.write_bytes(content)
    with pytest.raises(ParameterError, match=message) as caught:
        read_machine({}, local)
    assert str(local) in caught.value.message
