"""The table of what would run: whole documents."""

from __future__ import annotations

import json

from pipeline.forecast.changes import Change
from pipeline.forecast.estimates import UNKNOWN, Estimate
from pipeline.forecast.forecast import Forecast, Step

GB = 10**9
STEPS = [
    Step(Change("fetch@city", "cached", ("its output data/raw is not there",)), UNKNOWN),
    Step(
        Change("translate@night", "runs", ("parameters changed: quality 90 -> 80",)),
        Estimate(125.0, 2 * GB, 40_000_000, "its last run"),
    ),
    Step(Change("train@new", "runs", ("never ran",)), UNKNOWN),
    Step(
        Change("merge@both", "follows", ("only if translate@night gives another output",)),
        Estimate(5.0, GB // 10, 1_000_000, "as merge@other"),
    ),
]


def test_the_table_and_what_counts() -> None:
    assert list(Forecast(STEPS, 8 * GB, 100 * GB).lines()) == [
        "stage                  time   memory  new disk  why",
        "fetch@city                -                     from DVC's cache: its output data/raw is not there",
        "translate@night   2 min 5 s   2.0 GB     40 MB  parameters changed: quality 90 -> 80",
        "train@new           unknown                     never ran",
        "merge@both            5.0 s   100 MB      1 MB  only if translate@night gives another output",
        "                                                (time: as merge@other)",
        "",
        "2 stages will run, in about 2 min 5 s and the time of 1 that was not run here before.",
        "With those that may follow, 3 stages, in about 2 min 10 s"
        " and the time of 1 that was not run here before.",
        "Taken from DVC's cache, without a run: 1.",
        "Memory at the peak: 2.0 GB; 8.0 GB free.",
        "New on disk: 41 MB; 100 GB free.",
    ]


def test_too_little_is_said() -> None:
    lines = list(Forecast(STEPS, GB, 40_000_000).lines())
    assert lines[-2:] == [
        "Memory at the peak: 2.0 GB; 1.0 GB free - TOO LITTLE.",
        "New on disk: 41 MB; 40 MB free - TOO LITTLE.",
    ]


def test_a_machine_that_does_not_tell() -> None:
    assert "Memory at the peak: 2.0 GB; nobody tells how much is free." in Forecast(STEPS, None, GB).lines()


def test_nothing_to_do() -> None:
    assert list(Forecast([], GB, GB).lines()) == [
        "Nothing to do: every output is what its code, parameters and inputs make."
    ]


def test_nothing_known() -> None:
    lines = list(Forecast([STEPS[2]], GB, GB).lines())
    assert lines[-1] == "1 stage will run; how long that takes nobody knows yet: it was not run here before."


def test_for_machines() -> None:
    document = json.loads(json.dumps(Forecast(STEPS, None, 7).document()))
    assert document["stages"][1] == {
        "stage": "translate@night",
        "certainty": "runs",
        "reasons": ["parameters changed: quality 90 -> 80"],
        "seconds": 125.0,
        "memory": 2 * GB,
        "written": 40_000_000,
        "basis": "its last run",
    }
    assert document["stages"][2]["seconds"] is None
    assert document["certain"] == {
        "stages": 2,
        "unknown": 1,
        "seconds": 125.0,
        "memory": 2 * GB,
        "written": 40_000_000,
    }
    assert document["most"]["stages"] == 3
    assert (document["free_memory"], document["free_disk"]) == (None, 7)
