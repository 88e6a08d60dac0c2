"""The ways in which a training step is timed: they compute the same."""

from __future__ import annotations

import pytest

from benchmarks import joint_step
from benchmarks.joint_step import WAYS, step_of, table
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
