"""The headline against finds of which it is known who found what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.report.tables.headline import Headline, read_headlines
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


def headline(root: Path, **hits: int) -> Headline:
    (found,) = read_headlines({"city": SECTION}, results(root, **hits))
    return found


def test_it_holds_the_same_queries_against_each_other(tmp_path: Path) -> None:
    found = headline(tmp_path, day_tokyo_night=40, dn_tokyo_night=70, dn_pitts=60)
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
    change = headline(tmp_path, dn_tokyo_night=92).night.changes[0]
    assert change.low < 0 < change.points < change.high
    assert change.verdict == "open"


def test_a_find_counts_at_its_rank_and_later(tmp_path: Path) -> None:
    path = tmp_path / "dn" / "tokyo_night" / PREDICTIONS
    known = results(tmp_path)
    rows = list(read_predictions(path))
    # In whatever order the rows stand.
    write_predictions(path, reversed(rows))
    (found,) = read_headlines({"city": SECTION}, known)
    assert [change.pairs.after for change in found.night.changes] == [90, 120]


def test_there_is_one_for_each_entry_in_their_order(tmp_path: Path) -> None:
    known = results(tmp_path, dn_pitts=60)
    back = {"before": "dn", "after": "day", "night": "pitts", "day": "tokyo_night"}
    there, again = read_headlines({"there": SECTION, "again": back}, known)
    assert (there.name, there.after, again.name, again.after) == ("there", "dn", "again", "day")
    assert there.day.changes[0].points == -again.night.changes[0].points
    assert read_headlines({}, known) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"before": "dya"}, "headline.city: no such experiments: dya; known are:\n    day\n    dn"),
        ({"night": "tokio"}, "headline.city: no such test sets: tokio; known are:\n    pitts"),
        ({"after": "day"}, "headline.city: before and after must differ, both are day"),
        ({"day": "tokyo_night"}, "headline.city: night and day must differ, both are tokyo_night"),
        ({"nigth": "x"}, "headline.city: unknown parameter nigth"),
        ({"night": 3}, "headline.city.night must be str, not 3"),
    ],
)
def test_what_does_not_exist_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        read_headlines({"city": SECTION | changes}, results(tmp_path))


def test_an_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"headline\.before: must be a section, not 'day'"):
        read_headlines(SECTION, results(tmp_path))


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"headline\.city: missing parameter day"):
        read_headlines(
            {"city": {name: SECTION[name] for name in ("before", "after", "night")}}, results(tmp_path)
        )


def test_finds_that_are_not_those_of_the_metrics_are_refused(tmp_path: Path) -> None:
    known = results(tmp_path)
    path = tmp_path / "dn" / "tokyo_night" / PREDICTIONS
    rows = list(read_predictions(path))
    write_predictions(path, rows[1:])
    with pytest.raises(DusklineError, match=r"dn/tokyo_night/predictions\.csv does not match") as raised:
        read_headlines({"city": SECTION}, known)
    assert raised.value.hint == "run: dvc repro --force evaluate@dn-tokyo_night"
    path.unlink()
    with pytest.raises(MissingInputError, match=r"predictions\.csv"):
        read_headlines({"city": SECTION}, known)


def test_other_queries_or_another_set_are_refused(tmp_path: Path) -> None:
    known = results(tmp_path)
    write_evaluation(tmp_path, "dn", "tokyo_night", changes={"set_digest": "c" * 64})
    with pytest.raises(
        DusklineError, match="day and dn were not evaluated on the same queries of tokyo_night"
    ):
        read_headlines({"city": SECTION}, read_results(tmp_path, known.experiments, known.test_sets))
