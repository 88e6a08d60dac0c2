"""Estimates rest on earlier runs, the best of them, and on nothing else."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path
from typing import Any

import pytest

from pipeline.compute.resources.timings import Timing, add_timing
from pipeline.forecast.estimates import UNKNOWN, Amount, Estimate, Estimates, amount_of
from pipeline.forecast.image_counts import SetsForecast
from pipeline.runtime.machine import Machine
from tests.city.tiny import VALUES
from tests.compute.resources.test_timings import RUN

PARAMS: dict[str, Any] = {
    "fetch": {"pitts30k": {"kind": "archives"}, "city": {"kind": "city", **VALUES}},
    "format": {"pitts30k": {"raw": "data/raw/pitts30k", "form": "pittsburgh"}},
    "translate": {"night": {"day": "pitts30k"}, "other": {"day": "pitts30k"}},
    "train": {
        "one": {"epochs": 2, "queries_per_epoch": 50},
        "two": {"epochs": 4, "queries_per_epoch": 50},
    },
    "train_unit": {"own": {"iterations": 1000}},
    "experiment": {"dn": {"model": "one"}, "day": {"model": "one"}},
    "test_sets": ["pitts30k"],
}
SETS = SetsForecast(PARAMS, Path("nowhere"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine("auto", 2, Path("archives"), tmp_path / "work", "local")


def _run(stage: str, seconds: float = 60.0, **changes: Any) -> Timing:
    here = {"host": platform.node(), "stage": stage, "seconds": seconds}
    return dataclasses.replace(RUN, **{**here, **changes})


def _estimate(machine: Machine, stage: str, *runs: Timing) -> Estimate:
    for run in runs:
        add_timing(machine.work, run)
    return Estimates(machine, PARAMS, SETS).of(stage)


def test_without_a_run_nothing_is_known(machine: Machine) -> None:
    assert _estimate(machine, "train@one") == UNKNOWN
    assert UNKNOWN.seconds is None
    assert UNKNOWN.basis.startswith("unknown")


def test_the_last_run_counts(machine: Machine) -> None:
    found = _estimate(machine, "train@one", _run("train@one", 90.0), _run("train@one", 60.0))
    assert found == Estimate(60.0, 10**9, 4000, "its last run")


def test_a_run_that_found_much_does_not_spoil_it(machine: Machine) -> None:
    whole = _run("train@one", 60.0)
    assert _estimate(machine, "train@one", whole, _run("train@one", 1.0, done=0)).seconds == 60.0
    assert _estimate(machine, "train@one", _run("train@one", 31.0, done=50)).seconds == 60.0


def test_a_part_is_better_than_nothing_and_said(machine: Machine) -> None:
    found = _estimate(machine, "train@one", _run("train@one", 31.0, done=50, written=10))
    assert found == Estimate(62.0, 10**9, 20, "its last run, which made 50 of 100")


def test_runs_that_did_nearly_nothing_say_nothing(machine: Machine) -> None:
    assert _estimate(machine, "train@one", _run("train@one", 1.0, done=5)) == UNKNOWN
    assert _estimate(machine, "train@one", _run("train@one", 1.0, done=0)) == UNKNOWN


def test_more_to_do_takes_longer(machine: Machine) -> None:
    found = _estimate(machine, "train@two", _run("train@two", 60.0))
    assert (found.seconds, found.basis) == (120.0, "its last run, for 200 queries instead of 100")


def test_one_of_its_kind_by_the_amount(machine: Machine) -> None:
    found = _estimate(machine, "train@two", _run("train@one", 60.0))
    assert (found.seconds, found.memory, found.written) == (120.0, 10**9, 8000)
    assert found.basis == "as train@one, for 200 queries instead of 100"


def test_its_own_run_is_better_than_a_newer_one_of_its_kind(machine: Machine) -> None:
    found = _estimate(
        machine, "train@one", _run("train@one", 60.0, ended=1.0), _run("train@two", 600.0, ended=2.0)
    )
    assert found.basis == "its last run"


def test_this_machine_is_better_than_another(machine: Machine) -> None:
    far = _run("train@one", 6.0, host="elsewhere", device="cuda")
    assert _estimate(machine, "train@one", far).basis == (
        "its last run, on another machine or with other settings (elsewhere, cuda, local, 2 workers)"
    )
    found = _estimate(machine, "train@one", _run("train@two", 60.0))
    assert found.basis == "as train@two"


def test_other_settings_of_this_machine_are_another_machine(machine: Machine) -> None:
    found = _estimate(machine, "train@one", _run("train@one", workers=7))
    assert "with other settings" in found.basis


def test_kinds_without_a_count_are_known_by_their_own_runs_only(machine: Machine) -> None:
    run = _run("fetch@other", 60.0, unit="", of=0, done=0)
    assert _estimate(machine, "fetch@pitts30k", run) == UNKNOWN
    own = _run("report", 3.0, unit="", of=0, done=0)
    assert _estimate(machine, "report", own) == Estimate(3.0, 10**9, 4000, "its last run")


def test_kinds_that_take_the_same_whichever_it_is(machine: Machine) -> None:
    found = _estimate(machine, "experiment@dn", _run("experiment@day", 1.0, unit="", of=0, done=0))
    assert found == Estimate(1.0, 10**9, 4000, "as experiment@day")


def test_other_units_do_not_mix(machine: Machine) -> None:
    assert _estimate(machine, "train@two", _run("train@one", 60.0, unit="image")) == UNKNOWN


@pytest.mark.parametrize(
    ("stage", "amount"),
    [
        ("fetch@city", Amount(85, "image")),
        ("format@pitts30k", Amount(51_840, "image")),
        ("translate@night", Amount(51_840, "image")),
        ("evaluate@dn-pitts30k", Amount(16_816, "image")),
        ("train@two", Amount(200, "query")),
        ("train_unit@own", Amount(1000, "iteration")),
        ("train@nothing", None),
        ("evaluate@nothing-here", None),
        ("fetch@pitts30k", None),
        ("report", None),
    ],
)
def test_how_much_there_is_to_do(stage: str, amount: Amount | None) -> None:
    assert amount_of(stage, PARAMS, SETS) == amount
