from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.report.tables.results import read_results
from pipeline.runtime.errors import DusklineError, MissingInputError
from tests.report.made_up import write_evaluation


def test_only_what_is_named_is_read_in_the_order_given(tmp_path: Path) -> None:
    for experiment in ("dn", "day", "stale"):
        for test_set in ("pitts", "tokyo"):
            write_evaluation(tmp_path, experiment, test_set)
    results = read_results(tmp_path, ["day", "dn"], ["tokyo", "pitts"])
    assert list(results.metrics) == [("day", "tokyo"), ("day", "pitts"), ("dn", "tokyo"), ("dn", "pitts")]
    assert results.of("dn", "pitts").recalls[1].hits == 90
    assert results.folder("dn", "pitts") == tmp_path / "dn" / "pitts"


def test_metrics_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = write_evaluation(tmp_path, "day", "tokyo")
    found = read_results(tmp_path, ["day"], ["tokyo"]).of("day", "tokyo")
    assert found.protocol == written.protocol
    assert found.recalls[1].percent == 45.0
    assert found.recalls[1].low == pytest.approx(written.recalls[1].low, abs=1e-3)
    assert list(found.recalls) == [1, 5, 10, 20]


def test_an_evaluation_that_is_missing_is_named_with_its_stage(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "day", "tokyo")
    with pytest.raises(MissingInputError, match="day was not evaluated on pitts") as caught:
        read_results(tmp_path, ["day"], ["tokyo", "pitts"])
    assert caught.value.hint == "run: dvc repro evaluate@day-pitts"


def test_metrics_of_another_evaluation_are_refused(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "day", "tokyo", changes={"test_set": "pitts"})
    with pytest.raises(DusklineError, match="has the metrics of day on pitts"):
        read_results(tmp_path, ["day"], ["tokyo"])


@pytest.mark.parametrize("content", ["", "[]", '{"experiment": "day"}', '{"recalls": 3}'])
def test_a_file_that_holds_no_metrics_is_named(tmp_path: Path, content: str) -> None:
    write_evaluation(tmp_path, "day", "tokyo")
    (tmp_path / "day" / "tokyo" / "metrics.json").write_text(content)
    with pytest.raises(DusklineError, match=r"metrics\.json"):
        read_results(tmp_path, ["day"], ["tokyo"])


def test_above_chance_means_beyond_the_interval(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "good", "tokyo", hits=30)
    write_evaluation(tmp_path, "blind", "tokyo", hits=8)
    results = read_results(tmp_path, ["good", "blind"], ["tokyo"])
    assert results.of("good", "tokyo").recalls[1].above_chance
    # 4 per cent against 3: above it, but not beyond the interval.
    assert results.of("blind", "tokyo").recalls[1].percent > 3
    assert not results.of("blind", "tokyo").recalls[1].above_chance
