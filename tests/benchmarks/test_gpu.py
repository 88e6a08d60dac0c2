"""The check of a GPU, where there is none: what it prints and writes, and how it meets what goes wrong."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu, turns
from benchmarks.gpu import FULL, Rates, main, parts, table
from pipeline.compute.device.threads import threads_within
from tests.import_graph import ROOT


def broken() -> Rates:
    raise RuntimeError("out of memory\nand more")


def test_the_page_holds_the_table_of_what_is_to_be_measured() -> None:
    page = (ROOT / "docs/gpu.md").read_text()
    titles = list(parts(FULL))
    head = "\n".join(table([], {}))
    assert head in page
    assert not [title for title in titles if f"| {title} |" not in page]


def test_a_part_that_fails_is_named_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "parts", lambda _: {"bad": broken, "good": lambda: Rates(10, 4, "a note")})
    monkeypatch.setattr(gpu, "tested", lambda *_, **__: (True, "3 passed"))
    out = tmp_path / "gpu.json"
    done = CliRunner().invoke(main, ["--tiny", "--out", str(out)])
    assert done.exit_code == 1
    assert "| bad | failed: RuntimeError: out of memory | | |" in done.stdout
    assert "| good | 10.0 | 4.0 | 2.50 |\n\na note\ntests marked gpu: 3 passed\n" in done.stdout
    written = json.loads(out.read_text())
    assert written["in_a_second"]["good"] == {"ours": 10, "plain": 4, "note": "a note"}
    assert written["tests"] == "3 passed"


def test_tests_that_take_longer_than_is_left_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = []

    def run(command: list[str], timeout: float, **_: object) -> None:
        seconds.append(timeout)
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert gpu.tested(90, only_collected=False) == (False, "not finished within 90 s")
    assert seconds == [90]


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 1
    assert "torch finds no CUDA device; --tiny runs the command without one" in done.output


@pytest.mark.slow
def test_a_tiny_run_measures_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    monkeypatch.setattr(turns, "own_process", partial(ThreadPoolExecutor, 1))
    out = tmp_path / "gpu.json"
    with threads_within(1):
        done = CliRunner().invoke(main, ["--tiny", "--out", str(out)])
    assert done.exit_code == 0, done.output
    written = json.loads(out.read_text())
    assert list(written["in_a_second"]) == sorted(parts(gpu.TINY))
    assert all(rates["ours"] > 0 and rates["plain"] > 0 for rates in written["in_a_second"].values())
    assert "tests collected" in written["tests"]
    assert "% of the" in done.stdout
