"""Recall tables as files: CSV for programs, Markdown for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.files import write_csv, write_json, write_text
from pipeline.report.tables.comparison import Cell, ComparedTable
from pipeline.report.tables.headline import Headline, SetChange
from pipeline.report.tables.results import Results
from pipeline.vpr.results.metrics import MeasuredRecall, Metrics

RECALLS = "recalls.csv"
METRICS = "metrics.json"
PAPER = "paper.csv"
MARKDOWN = "tables.md"

_RECALLS_HEADER = (
    *("experiment", "test_set", "n", "percent", "low", "high", "chance", "hits", "queries"),
    *("queries_without_positives", "database", "protocol", "set_digest"),
)
_PAPER_HEADER = (
    *("table", "row", "aggregation", "paper_test_set", "n", "paper_percent"),
    *("experiment", "test_set", "percent", "low", "high", "queries"),
)


def write_tables(
    folder: Path, results: Results, compared: tuple[ComparedTable, ...], headlines: tuple[Headline, ...]
) -> None:
    """Write all recalls, those of the headlines, and the comparison with the paper into `folder`."""
    write_csv(folder / RECALLS, _RECALLS_HEADER, _recall_rows(results))
    write_json(folder / METRICS, _metrics(results, headlines))
    write_csv(folder / PAPER, _PAPER_HEADER, _paper_rows(compared))
    write_text(folder / MARKDOWN, "\n".join([*_measured(results), *_beside_paper(compared)]) + "\n")


def _recall_rows(results: Results) -> Iterator[tuple[object, ...]]:
    for (experiment, test_set), found in results.metrics.items():
        for n, recall in found.recalls.items():
            measured = (recall.percent, recall.low, recall.high, recall.chance, recall.hits)
            asked = (found.queries, found.queries_without_positives, found.database)
            yield experiment, test_set, n, *measured, *asked, found.protocol, found.set_digest


def _metrics(results: Results, headlines: tuple[Headline, ...]) -> dict[str, Any]:
    """recall@1 in percent, few enough numbers for `dvc metrics` and `dvc exp show`.

    For each headline: before, after and gain, by night and by day. Without headlines: every experiment on
    every test set.
    """
    if headlines:
        return {one.name: {"night": _of_change(one.night), "day": _of_change(one.day)} for one in headlines}
    found: dict[str, dict[str, float]] = {}
    for (experiment, test_set), metrics in results.metrics.items():
        found.setdefault(experiment, {})[test_set] = metrics.recalls[1].percent
    return found


def _of_change(on: SetChange) -> dict[str, float]:
    first = on.changes[0]
    return {"before": first.before.percent, "after": first.after.percent, "gain": round(first.points, 3)}


def _paper_rows(compared: tuple[ComparedTable, ...]) -> Iterator[tuple[object, ...]]:
    for table in compared:
        for row in table.rows:
            for (theirs, ours), cell in zip(table.columns, row.cells, strict=True):
                for n, percent in zip((1, 5), cell.paper, strict=True):
                    start = (table.paper.number, row.paper.label, row.paper.aggregation, theirs, n, percent)
                    if cell.ours is None:
                        yield *start, "", "", "", "", "", ""
                    else:
                        recall = cell.ours.recalls[n]
                        measured = (recall.percent, recall.low, recall.high, cell.ours.queries)
                        yield *start, row.experiment, ours, *measured


def _measured(results: Results) -> Iterator[str]:
    yield "# Recall"
    yield ""
    yield "recall@N in percent, with its 95 % interval (Wilson) in brackets. Chance: random results."
    for test_set in results.test_sets:
        rows = [(experiment, results.of(experiment, test_set)) for experiment in results.experiments]
        if rows:
            yield from _of_test_set(test_set, rows)


def _of_test_set(test_set: str, rows: list[tuple[str, Metrics]]) -> Iterator[str]:
    first = rows[0][1]
    ns = list(first.recalls)
    yield ""
    yield f"## {test_set}"
    yield ""
    yield f"{counts_in_words(first)}."
    yield ""
    yield from _head(["experiment", *(f"R@{n}" for n in ns)])
    for experiment, found in rows:
        yield _line([experiment, *(with_interval(found.recalls[n]) for n in ns)])
    yield _line(["chance", *(f"{first.recalls[n].chance:.1f}" for n in ns)])
    for protocol, names in _by_protocol(rows).items():
        yield ""
        yield f"{', '.join(names)}: {protocol}."


def _beside_paper(compared: tuple[ComparedTable, ...]) -> Iterator[str]:
    if compared:
        yield from ("", "# Compared with the paper", "")
        yield "R@1 / R@5 in percent: ours, with the interval of R@1, then the paper's in italics."
    for table in compared:
        yield from ("", f"## Table {table.paper.number}. {table.paper.title}", "")
        columns = [column_in_words(*column) for column in table.columns]
        yield from _head(["", "aggregation", "experiment", *columns])
        for row in table.rows:
            cells = [_cell(cell) for cell in row.cells]
            yield _line([row.paper.label, row.paper.aggregation, row.experiment or "not run", *cells])


def _cell(cell: Cell) -> str:
    paper = f"*{cell.paper[0]:.1f} / {cell.paper[1]:.1f}*"
    if cell.ours is None:
        return f"not run; {paper}"
    first, fifth = (cell.ours.recalls[n] for n in (1, 5))
    return f"{with_interval(first)} / {fifth.percent:.1f}; {paper}"


def with_interval(recall: MeasuredRecall) -> str:
    """Percent with its interval, such as `46.7 [36.7, 56.9]`."""
    return f"{recall.percent:.1f} [{recall.low:.1f}, {recall.high:.1f}]"


def counts_in_words(found: Metrics) -> str:
    """How many queries and database images were used."""
    words = f"{found.queries:,} queries, {found.database:,} database images"
    if found.queries_without_positives:
        words += f"; {found.queries_without_positives:,} queries have no positive and count as misses"
    return words


def column_in_words(theirs: str, ours: str | None) -> str:
    """The paper's test set, and ours that stands in for it."""
    if ours is None:
        return f"{theirs} (not run)"
    return theirs if ours == theirs else f"{theirs} (here {ours})"


def _by_protocol(rows: list[tuple[str, Metrics]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for experiment, found in rows:
        names.setdefault(found.protocol, []).append(experiment)
    return names


def _head(columns: list[str]) -> Iterator[str]:
    yield _line(columns)
    yield _line(["---"] * len(columns))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
