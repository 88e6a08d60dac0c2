from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.report.tables.comparison import Comparison, compared_tables, run_here
from pipeline.report.tables.results import Results, read_results
from pipeline.runtime.errors import ParameterError
from tests.report.made_up import write_evaluation


@pytest.fixture
def results(tmp_path: Path) -> Results:
    for experiment in ("day", "dn"):
        for test_set in ("city", "tokyo_night"):
            write_evaluation(tmp_path, experiment, test_set, hits=90 if experiment == "day" else 100)
    return read_results(tmp_path, ["day", "dn"], ["city", "tokyo_night"])


def test_ours_stand_in_their_cells_and_the_rest_is_marked(results: Results) -> None:
    comparison = Comparison({"II/dn/netvlad": "dn", "V/baseline/gem": "day"}, {"city": "pitts30k"})
    tables = compared_tables(comparison, results)
    assert [table.paper.number for table in tables] == ["I", "II", "III", "IV", "V"]
    second = tables[1]
    assert second.columns == (
        ("pitts30k", "city"),
        ("sf_xs", None),
        ("tokyo_xs", None),
        ("tokyo_night", None),
    )
    assert len(second.rows) == 6
    by_key = {row.paper.key: row for row in second.rows}
    dn = by_key["II/dn/netvlad"]
    assert dn.cells[0].ours is not None
    assert dn.cells[0].ours.recalls[1].hits == 100
    assert dn.cells[0].paper == (82.2, 91.4)
    assert dn.cells[3].ours is None
    assert by_key["II/day/netvlad"].experiment is None
    assert all(cell.ours is None for cell in by_key["II/day/netvlad"].cells)
    # Also the tables that nothing of ours stands in.
    assert all(row.experiment is None for row in tables[2].rows)
    assert len(tables[2].rows) == 12


def test_what_was_run_here_has_no_empty_cell(results: Results) -> None:
    comparison = Comparison({"II/dn/netvlad": "dn", "V/baseline/gem": "day"}, {"city": "pitts30k"})
    second, fifth = run_here(compared_tables(comparison, results))
    assert (second.paper.number, fifth.paper.number) == ("II", "V")
    for table, experiment in ((second, "dn"), (fifth, "day")):
        assert table.columns == (("pitts30k", "city"),)
        (row,) = table.rows
        assert row.experiment == experiment
        (cell,) = row.cells
        assert cell.ours == results.of(experiment, "city")


def test_without_a_test_set_that_stands_for_one_nothing_was_run_here(results: Results) -> None:
    assert run_here(compared_tables(Comparison({"II/dn/netvlad": "dn"}, {}), results)) == ()


def test_nothing_to_compare_is_no_table(results: Results) -> None:
    assert compared_tables(Comparison({}, {}), results) == ()


@pytest.mark.parametrize(
    ("rows", "test_sets", "message"),
    [
        ({"II/nights/netvlad": "dn"}, {}, "no such rows of the paper: II/nights/netvlad"),
        ({"II/dn/netvlad": "dm"}, {}, "no such experiments: dm"),
        ({}, {"citi": "pitts30k"}, "no such test sets: citi"),
        ({}, {"city": "pitts"}, "no such test sets of the paper: pitts"),
        ({}, {"city": "pitts30k", "tokyo_night": "pitts30k"}, "two test sets are given for pitts30k"),
    ],
)
def test_what_does_not_exist_is_refused(
    results: Results, rows: dict[str, str], test_sets: dict[str, str], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        compared_tables(Comparison(rows, test_sets), results)
