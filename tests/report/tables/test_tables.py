from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.core.files import read_json
from pipeline.report.tables.comparison import Comparison, compared_tables
from pipeline.report.tables.headline import read_headlines
from pipeline.report.tables.results import Results, read_results
from pipeline.report.tables.tables import MARKDOWN, METRICS, PAPER, RECALLS, write_tables
from tests.report.made_up import write_evaluation

COMPARISON = Comparison({"II/dn/netvlad": "dn"}, {"city": "pitts30k", "tokyo_night": "tokyo_night"})


def made_results(root: Path) -> Results:
    for experiment, hits in (("day", 90), ("dn", 101)):
        for test_set in ("city", "tokyo_night"):
            write_evaluation(root, experiment, test_set, hits=hits)
    return read_results(root, ["day", "dn"], ["city", "tokyo_night"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = made_results(tmp_path / "results")
    write_tables(tmp_path / "tables", results, compared_tables(COMPARISON, results), ())
    return tmp_path / "tables"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_recall_with_its_interval_counts_and_protocol(folder: Path) -> None:
    found = rows(folder / RECALLS)
    assert len(found) == 2 * 2 * 4
    one = next(row for row in found if row["experiment"] == "dn" and row["n"] == "1")
    assert (one["percent"], one["hits"], one["queries"]) == ("50.5", "101", "200")
    # Wilson's interval of 101 of 200.
    assert (float(one["low"]), float(one["high"])) == pytest.approx((43.63, 57.35), abs=0.01)
    assert one["protocol"] == "right within 25 m"


def test_the_papers_cells_beside_ours(folder: Path) -> None:
    found = rows(folder / PAPER)
    # The rows of all five tables, on four test sets, at two N.
    assert len(found) == (4 + 6 + 12 + 6 + 6) * 4 * 2
    run = [row for row in found if row["experiment"]]
    assert [(row["paper_test_set"], row["n"], row["paper_percent"], row["test_set"]) for row in run] == [
        ("pitts30k", "1", "82.2", "city"),
        ("pitts30k", "5", "91.4", "city"),
        ("tokyo_night", "1", "39.0", "tokyo_night"),
        ("tokyo_night", "5", "58.1", "tokyo_night"),
    ]
    assert run[0]["percent"] == "50.5"


def test_markdown_says_what_a_reader_needs(folder: Path) -> None:
    text = (folder / MARKDOWN).read_text()
    assert "200 queries, 500 database images." in text
    assert "| dn | 50.5 [43.6, 57.4] |" in text
    assert "| chance | 3.0 |" in text
    assert "day, dn: right within 25 m." in text
    assert "pitts30k (here city)" in text
    assert "sf_xs (not run)" in text
    assert (
        "| Pitts30k_dn | NetVLAD | dn | 50.5 [43.6, 57.4] / 65.5; *82.2 / 91.4* | not run; *14.7 / 23.3* |"
        in text
    )
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


def test_queries_without_positives_are_told(tmp_path: Path) -> None:
    write_evaluation(tmp_path, "day", "city", changes={"queries_without_positives": 7})
    write_tables(tmp_path / "tables", read_results(tmp_path, ["day"], ["city"]), (), ())
    assert "7 queries have no positive and count as misses" in (tmp_path / "tables" / MARKDOWN).read_text()


def test_metrics_are_those_of_the_headline(tmp_path: Path) -> None:
    results = made_results(tmp_path / "results")
    section = {"before": "day", "after": "dn", "night": "tokyo_night", "day": "city"}
    write_tables(tmp_path / "tables", results, (), read_headlines({"city": section}, results))
    change = {"before": 45.0, "after": 50.5, "gain": 5.5}
    assert read_json(tmp_path / "tables" / METRICS) == {"city": {"night": change, "day": change}}


def test_without_a_headline_metrics_are_by_experiment_and_test_set(folder: Path) -> None:
    assert read_json(folder / METRICS) == {
        "day": {"city": 45.0, "tokyo_night": 45.0},
        "dn": {"city": 50.5, "tokyo_night": 50.5},
    }


def test_without_experiments_there_are_empty_tables(tmp_path: Path) -> None:
    write_tables(tmp_path, read_results(tmp_path, [], ["city"]), (), ())
    assert rows(tmp_path / RECALLS) == []
