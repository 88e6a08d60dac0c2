"""The ways in which a training step is timed: they compute the same, and the command tells of each."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks import joint_step
from benchmarks.joint_step import WAYS, main, step_of, table
from benchmarks.turns import Turn
from pipeline.compute.device.threads import threads_within


def test_in_float32_every_way_has_the_same_losses_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    # bfloat16 rounds, and a low temperature makes much of it.
    monkeypatch.setattr(joint_step, "numbers_of", lambda *_: "off")
    with threads_within(1):
        steps = [step_of(way, 4, 64, 96, threads=1) for way in WAYS]
        plain, *others = ([step() for _ in range(2)] for step in steps)
    assert abs(plain[1] - plain[0]) > 0.01
    for losses in others:
        assert losses == pytest.approx(plain, rel=5e-3)


def test_of_several_rounds_the_first_is_not_timed() -> None:
    turns = {
        way: [Turn(2.0, seconds, 100.0) for seconds in (0.01, slow, 2 * slow)]
        for way, slow in zip(WAYS, (4.0, 2.0, 1.0, 0.5), strict=True)
    }
    _, *lines = table(turns)
    assert [line.split()[-3] for line in lines] == ["1.00", "2.00", "4.00", "8.00"]


@pytest.mark.slow
def test_the_command_prints_each_way() -> None:
    options = ["--places", "2", "--height", "64", "--width", "96", "--rounds", "1", "--threads", "1"]
    found = CliRunner().invoke(main, options, catch_exceptions=False)
    first, head, *lines = found.output.splitlines()
    assert first.startswith("2 x 3 pictures of 96x64, 1 threads")
    assert head.split() == ["s/step", "x", "plain", "MiB", "first", "loss"]
    assert len(lines) == len(WAYS)
    for line, title in zip(lines, WAYS.values(), strict=True):
        assert line.startswith(title)
        assert all(float(number) > 0 for number in line.removeprefix(title).split())
