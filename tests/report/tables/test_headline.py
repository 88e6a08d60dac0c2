"""The headline against finds of which it is known who found what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.report.tables.headline import read_headline
from pipeline.report.tables.results import Results, read_results
from pipeline.runtime.errors import DusklineError, MissingInputError, ParameterError
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions, write_predictions
from tests.report.made_up import QUERIES, write_evaluation

SECTION = {"before": "day", "after": "dn", "night": "tokyo_night", "day": "pitts"}


def results(root: Path, **hits: int) -> Results:
    """Evaluations of day and dn with 90 hits, or as `day_pitts`, `dn_tokyo_night` and so on say."""
    for experiment in ("day", "dn"):
        for test_set in ("pitts", "tokyo_night"):
            write_evaluation(root, experiment, test_set, hits=hits.get(f"{experiment}_{test_set}", 90))
    return read_results(root, ["day", "dn"], ["pitts", "tokyo_night"])


def test_it_holds_the_same_queries_against_each_other(tmp_path: Path) -> None:
    found = read_headline(SECTION, results(tmp_path, day_tokyo_night=40, dn_tokyo_night=70, dn_pitts=60))
    assert found is not None
    night, day = (one.changes[0] for one in (found.night, found.day))
    assert (night.pairs.both, night.pairs.only_before, night.pairs.only_after, night.pairs.neither) == (
        *(40, 0, 30),
        QUERIES - 70,
    )
    assert (night.before.percent, night.after.percent, night.points) == pytest.approx((20, 35, 15))
    assert 0 < night.low < 15 < night.high
    assert night.verdict == "more"
    assert (day.points, day.verdict) == (pytest.approx(-15), "fewer")
    assert (found.night.queries, [change.n for change in found.night.changes]) == (QUERIES, [1, 5])


def test_a_difference_that_chance_explains_is_no_claim(tmp_path: Path) -> None:
    found = read_headline(SECTION, results(tmp_path, dn_tokyo_night=92))
    assert found is not None
    change = found.night.changes[0]
    assert change.low < 0 < change.points < change.high
    assert change.verdict == "open"


def test_a_find_counts_at_its_rank_and_later(tmp_path: Path) -> None:
    path = tmp_path / "dn" / "tokyo_night" / PREDICTIONS
    known = results(tmp_path)
    rows = list(read_predictions(path))
    # In whatever order the rows stand.
    write_predictions(path, reversed(rows))
    found = read_headline(SECTION, known)
    assert found is not None
    assert [change.pairs.after for change in found.night.changes] == [90, 120]


def test_without_a_section_there_is_none(tmp_path: Path) -> None:
    assert read_headline({}, results(tmp_path)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"before": "dya"}, "headline: no such experiments: dya; known are:\n    day\n    dn"),
        ({"night": "tokio"}, "headline: no such test sets: tokio; known are:\n    pitts"),
        ({"after": "day"}, "headline: before and after must differ, both are day"),
        ({"day": "tokyo_night"}, "headline: night and day must differ, both are tokyo_night"),
        ({"nigth": "x"}, "headline: unknown parameter nigth"),
        ({"night": 3}, "headline.night must be str, not 3"),
    ],
)
def test_what_does_not_exist_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        read_headline(SECTION | changes, results(tmp_path))


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="headline: missing parameter day"):
        read_headline({name: SECTION[name] for name in ("before", "after", "night")}, results(tmp_path))


def test_finds_that_are_not_those_of_the_metrics_are_refused(tmp_path: Path) -> None:
    known = results(tmp_path)
    path = tmp_path / "dn" / "tokyo_night" / PREDICTIONS
    rows = list(read_predictions(path))
    write_predictions(path, rows[1:])
    with pytest.raises(DusklineError, match=r"dn/tokyo_night/predictions\.csv holds other matches") as raised:
        read_headline(SECTION, known)
    assert raised.value.hint == "run: dvc repro --force evaluate@dn-tokyo_night"
    path.unlink()
    with pytest.raises(MissingInputError, match=r"predictions\.csv"):
        read_headline(SECTION, known)


def test_other_queries_or_another_set_are_refused(tmp_path: Path) -> None:
    known = results(tmp_path)
    write_evaluation(tmp_path, "dn", "tokyo_night", changes={"set_digest": "c" * 64})
    with pytest.raises(DusklineError, match="day and dn were not asked the same queries of tokyo_night"):
        read_headline(SECTION, read_results(tmp_path, known.experiments, known.test_sets))
