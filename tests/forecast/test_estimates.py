"""Estimates rest on last runs, its own or the largest of its kind, and on nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipeline.compute.resources.timings import Timing
from pipeline.forecast.estimates import Estimate, Estimates
from pipeline.forecast.image_counts import SetsForecast
from tests.city.tiny import VALUES
from tests.compute.resources.test_timings import RUN

PARAMS: dict[str, Any] = {
    "fetch": {"pitts30k": {"kind": "archives"}, "city": {"kind": "city", **VALUES}},
    "format": {"pitts30k": {"raw": "data/raw/pitts30k", "form": "pittsburgh"}},
    "translate": {"night": {"day": "pitts30k"}, "other": {"day": "pitts30k"}},
    "merge": {"both": {"day": "pitts30k", "night": "night"}},
    "train": {"one": {"epochs": 2, "queries_per_epoch": 50}, "two": {"epochs": 4, "queries_per_epoch": 50}},
    "train_unit": {"own": {"iterations": 1000}},
    "experiment": {"dn": {"model": "one"}, "day": {"model": "one"}},
    "test_sets": ["pitts30k", "own-pitts30k"],
}
LAST_RUNS = {"train@one": {"outs": [{"path": "models/one", "size": 3000}, {"path": "curves", "size": 1000}]}}
# Of a street view each.
NIGHT = 51_840 * 40_000


def _estimates(**runs: Timing) -> Estimates:
    timings = {name.replace("_at_", "@"): run for name, run in runs.items()}
    return Estimates(timings, LAST_RUNS, RUN.machine, PARAMS, SetsForecast(PARAMS, Path("nowhere")))


def test_without_a_run_nothing_is_known_but_the_size_of_sets() -> None:
    estimates = _estimates()
    assert estimates.of("train@two") == Estimate()
    assert estimates.of("translate@night") == Estimate(outputs=NIGHT)
    assert estimates.of("merge@both") == Estimate(outputs=0)


def test_its_own_last_run_counts_before_larger_ones() -> None:
    larger = dataclasses.replace(RUN, items=10_000)
    estimates = _estimates(train_at_one=RUN, train_at_two=larger)
    assert estimates.of("train@one") == Estimate(60.0, 10**9, 4000)


def test_more_to_do_than_it_did_takes_longer() -> None:
    half = dataclasses.replace(RUN, items=50)
    found = _estimates(train_at_one=half).of("train@one")
    assert found == Estimate(120.0, 10**9, 4000, "scaled from 50 to 100 items")


def test_the_largest_of_its_kind_by_the_number_of_items() -> None:
    small = dataclasses.replace(RUN, items=5, seconds=1.0)
    found = _estimates(train_at_one=RUN, train_at_three=small).of("train@two")
    assert found == Estimate(120.0, 10**9, 4000, "as train@one, scaled from 100 to 200 items")


def test_a_run_that_counted_nothing_has_the_items_of_its_parameters() -> None:
    run = dataclasses.replace(RUN, items=0)
    assert _estimates(translate_at_night=run).of("translate@other").seconds == 60.0


def test_another_machine_is_said() -> None:
    run = dataclasses.replace(RUN, machine="elsewhere, cuda")
    found = _estimates(train_at_one=run).of("train@one")
    assert found.basis == "with other machine settings (elsewhere, cuda)"


def test_kinds_without_items_are_known_by_their_own_runs_but_for_those_that_are_alike() -> None:
    run = dataclasses.replace(RUN, items=0)
    assert _estimates(fetch_at_other=run).of("fetch@pitts30k") == Estimate()
    assert _estimates(report=run).of("report") == Estimate(60.0, 10**9)
    assert _estimates(experiment_at_day=run).of("experiment@dn") == Estimate(
        60.0, 10**9, basis="as experiment@day"
    )


@pytest.mark.parametrize(
    ("stage", "items"),
    [
        ("fetch@city", 85),
        ("format@pitts30k", 51_840),
        ("merge@both", 103_680),
        ("evaluate@dn-pitts30k", 16_816),
        ("evaluate@dn-own-pitts30k", None),
        ("evaluate@nothing-here", None),
        ("train@two", 200),
        ("train@nothing", None),
        ("train_unit@own", 1000),
        ("fetch@pitts30k", None),
        ("report", None),
    ],
)
def test_how_much_there_is_to_do(stage: str, items: int | None) -> None:
    assert _estimates().items_of(stage) == items
