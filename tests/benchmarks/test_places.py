"""What a set of places costs: printed for a few images; and memory that stays flat for 50,000."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from benchmarks.places import main, measured

STEPS = ("format", "classical nights", "merge", "read for training")
IMAGES = 50_000
# Bytes that a process may hold for each image more: its rows, and those of the sets that it is made of.
ROW = 6_000


@pytest.mark.slow
def test_every_step_is_printed() -> None:
    done = CliRunner().invoke(main, ["--images", "160", "--workers", "1"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()[1:]
    assert [line[:20].strip() for line in lines] == list(STEPS)
    assert all(re.fullmatch(r" +\d+\.\d +\d+ +-?\d+\.\d+ +-?\d+", line[20:]) for line in lines)


@pytest.mark.long
def test_memory_stays_flat() -> None:
    few, many = measured(IMAGES // 10, 2), measured(IMAGES, 2)
    more = IMAGES - IMAGES // 10
    for step, cost in many.items():
        print(f"{step}: {cost.seconds:.0f} s, {cost.memory / 1e6:.0f} MB")
        assert cost.memory - few[step].memory < ROW * more, step
