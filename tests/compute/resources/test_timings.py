"""The record of runs: what is in it, that it stays small, and that it never gets into a stage's way."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import time
from pathlib import Path

import pytest

from pipeline.compute.resources import timings
from pipeline.compute.resources.timings import (
    Timing,
    add_timing,
    note_work,
    read_timings,
    recorded_stages,
    timed,
)
from tests.small_disk import small_disk

RUN = Timing(
    stage="train@one",
    ended=1.0,
    seconds=60.0,
    memory=10**9,
    size=5000,
    written=4000,
    unit="query",
    of=100,
    done=100,
    path="cpu",
    host="here",
    device="auto",
    engine="local",
    workers=2,
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stage `make`, of which `make@set` is an instance."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DUSKLINE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "params.yaml").write_text("make: {set: {}}\n")
    (tmp_path / "dvc.yaml").write_text(
        "stages: {make: {foreach: '${make}', do: {cmd: x, outs: ['data/sets/${key}']}}}\n"
    )
    return tmp_path


def _write_set(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "manifest.csv").write_text("name,size\na,1\nb,2\n")
    (root / "new.jpg").write_bytes(b"x" * 100)
    old = root.parent / "old.jpg"
    old.write_bytes(b"x" * 1000)
    os.utime(old, (1, 1))
    os.link(old, root / "old.jpg")


def test_a_run_is_written_down_with_what_it_made() -> None:
    before = time.time()
    with timed("make@set"):
        _write_set(Path("data/sets/set"))
        time.sleep(0.05)
    [run] = read_timings(Path("work"), "make@set")
    assert run.stage == "make@set"
    assert 0.05 <= run.seconds < 20
    assert before <= run.ended <= time.time()
    manifest = len("name,size\na,1\nb,2\n")
    assert (run.size, run.written) == (1100 + manifest, 100 + manifest)
    assert (run.unit, run.of, run.done) == ("image", 2, 2)
    assert run.memory > 10_000_000
    assert (run.device, run.engine, run.host) == ("auto", "local", os.uname().nodename)
    assert recorded_stages(Path("work")) == ["make@set"]


def test_what_the_run_tells_of_its_work_is_in_it_and_adds_up() -> None:
    note_work("image", of=1000, done=1000)  # of nobody
    with timed("make@set"):
        note_work("image", of=30, done=10, path="cpu, float32")
        note_work("image", of=20, done=20)
        note_work("query", of=7, done=7)
    [run] = read_timings(Path("work"), "make@set")
    assert (run.unit, run.of, run.done, run.path) == ("image", 50, 30, "cpu, float32")


def test_a_run_that_fails_is_not_written_down() -> None:
    with pytest.raises(ValueError, match="mine"), timed("make@set"):
        raise ValueError("mine")
    assert read_timings(Path("work"), "make@set") == []


def test_a_stage_run_by_hand_outside_its_project_is_timed_all_the_same() -> None:
    Path("dvc.yaml").unlink()
    with timed("make@set"):
        pass
    [run] = read_timings(Path("work"), "make@set")
    assert (run.size, run.of) == (0, 0)


def test_only_the_newest_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "KEPT_RUNS", 3)
    for number in range(5):
        add_timing(tmp_path, dataclasses.replace(RUN, ended=float(number)))
    assert [run.ended for run in read_timings(tmp_path, RUN.stage)] == [2.0, 3.0, 4.0]


def test_only_the_newest_instances_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "KEPT_INSTANCES", 2)
    for number in range(4):
        add_timing(tmp_path, dataclasses.replace(RUN, stage=f"train@{number}"))
        os.utime(tmp_path / timings.FOLDER / f"train@{number}.jsonl", (number, number))
    add_timing(tmp_path, dataclasses.replace(RUN, stage="train@9"))
    assert recorded_stages(tmp_path) == ["train@3", "train@9"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 50,
        b'{"stage": "train@one"',
        b"[]",
        b"7",
        b'{"stage": "train@one", "seconds": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_damaged_lines_are_passed_over_and_cleared_by_the_next_run(tmp_path: Path, damage: bytes) -> None:
    add_timing(tmp_path, RUN)
    file = tmp_path / timings.FOLDER / f"{RUN.stage}.jsonl"
    file.write_bytes(damage + b"\n" + file.read_bytes() + damage)
    assert read_timings(tmp_path, RUN.stage) == [RUN]
    add_timing(tmp_path, RUN)
    assert read_timings(tmp_path, RUN.stage) == [RUN, RUN]
    assert len(file.read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("seconds", "long"), ("seconds", -1), ("memory", 1.5), ("of", True), ("seconds", "NaN")],
)
def test_values_that_cannot_be_are_passed_over(tmp_path: Path, field: str, value: object) -> None:
    add_timing(tmp_path, RUN)
    file = tmp_path / timings.FOLDER / f"{RUN.stage}.jsonl"
    was = f'"{field}": {getattr(RUN, field)}'
    wanted = value if value == "NaN" else str(value).lower() if isinstance(value, bool) else value
    written = f'"{field}": "{wanted}"' if value == "long" else f'"{field}": {wanted}'
    assert was in file.read_text()
    file.write_text(file.read_text().replace(was, written))
    assert read_timings(tmp_path, RUN.stage) == []


def test_a_full_disk_is_no_fault_of_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "small", 1 << 16) as mounted:
        monkeypatch.setenv("DUSKLINE_WORK", str(tmp_path / "small"))
        with timed("make@set"):
            pass
        before = (tmp_path / "small" / "timings" / "make@set.jsonl").read_bytes()
        # Where nothing may be mounted, files that may not grow are the disk that is full.
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            with caplog.at_level("DEBUG"), timed("make@set"), contextlib.suppress(OSError):
                if mounted:
                    (tmp_path / "small" / "filler").write_bytes(b"x" * (1 << 20))
                else:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (tmp_path / "small" / "timings" / "make@set.jsonl").read_bytes() == before
    assert "the run of make@set was not written down: could not write" in caplog.text


def test_a_work_store_that_may_not_be_written_to_is_no_fault_either(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / timings.FOLDER).write_text("a file where the folder should be")
    with timed("make@set"):
        pass
    assert recorded_stages(tmp_path / "work") == []


def test_machine_settings_that_are_wrong_are_no_fault_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORKERS", "none")
    with timed("make@set"):
        pass
    assert not Path("work").exists()
