"""The table of what would run: whole documents."""

from __future__ import annotations

from pipeline.forecast.changes import Change
from pipeline.forecast.estimates import Estimate
from pipeline.forecast.forecast import forecast_lines

GB = 10**9
STEPS = [
    (Change("fetch@city", "cached", ("output deleted: data/raw",)), Estimate()),
    (
        Change("translate@night", "runs", ("changed command: quality 90 -> 80",)),
        Estimate(125.0, 2 * GB, 40_000_000),
    ),
    (Change("train@new", "runs", ("never ran",)), Estimate()),
    (
        Change("merge@both", "follows", ("only if the output of translate@night changes",)),
        Estimate(5.0, GB // 10, 1_000_000, "as merge@other"),
    ),
]


def test_the_table_and_what_counts() -> None:
    assert list(forecast_lines(STEPS, 8 * GB, 100 * GB)) == [
        "stage                  time   memory   outputs  why",
        "fetch@city                -                     from DVC's cache: output deleted: data/raw",
        "translate@night   2 min 5 s   2.0 GB     40 MB  changed command: quality 90 -> 80",
        "train@new           unknown                     never ran",
        "merge@both            5.0 s   100 MB      1 MB  only if the output of translate@night changes",
        "                                                (time: as merge@other)",
        "",
        "Stages that will run: 2, in about 2 min 5 s and an unknown time for 1.",
        "With those that may follow: 3, in about 2 min 10 s and an unknown time for 1.",
        "Taken from DVC's cache, without a run: 1.",
        "Memory of the largest process: 2.0 GB; 8.0 GB free.",
        "Outputs: 41 MB; 100 GB free.",
    ]


def test_too_little_is_said() -> None:
    assert list(forecast_lines(STEPS, GB, 40_000_000))[-2:] == [
        "Memory of the largest process: 2.0 GB; 1.0 GB free - TOO LITTLE.",
        "Outputs: 41 MB; 40 MB free - TOO LITTLE.",
    ]


def test_a_machine_that_does_not_tell() -> None:
    told = "Memory of the largest process: 2.0 GB; unknown amount free."
    assert told in forecast_lines(STEPS, None, GB)


def test_nothing_to_do_and_nothing_known() -> None:
    assert list(forecast_lines([], GB, GB)) == ["Nothing to do: every output is up to date."]
    assert list(forecast_lines([STEPS[2]], GB, GB))[-1] == "Stages that will run: 1, an unknown time for 1."
