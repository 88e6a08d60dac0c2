"""Assigns our experiments to rows of the paper, and our test sets to its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress

from pipeline.report.tables.paper import PaperRow, PaperTable, paper_test_sets, read_paper
from pipeline.report.tables.results import Results
from pipeline.runtime.errors import ParameterError, listed
from pipeline.vpr.results.metrics import Metrics


@dataclass(frozen=True)
class Comparison:
    """The section `comparison` of params.yaml.

    rows: our experiment for each row of the paper, by the key of the row (`II/dn/netvlad`).
    test_sets: the paper's test set for each of ours, by our name: the same one, or the one that ours stands
        in for.
    """

    rows: dict[str, str]
    test_sets: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """The paper's R@1 and R@5 in percent, and ours, if the experiment was run."""

    paper: tuple[float, float]
    ours: Metrics | None


@dataclass(frozen=True)
class ComparedRow:
    """A row of the paper and our `experiment` for it, or None; a cell for each test set."""

    paper: PaperRow
    experiment: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ComparedTable:
    """A table of the paper with our results; columns: the paper's test set, and ours for it or None."""

    paper: PaperTable
    columns: tuple[tuple[str, str | None], ...]
    rows: tuple[ComparedRow, ...]


def compared_tables(comparison: Comparison, results: Results) -> tuple[ComparedTable, ...]:
    """All tables of the paper, also rows and tables not run here; none when `comparison` names no row at all.

    Raises `ParameterError` when `comparison` names a row, test set or experiment that does not exist.
    """
    tables = read_paper()
    _check(comparison, results, tables)
    if not comparison.rows:
        return ()
    ours_for = {theirs: ours for ours, theirs in comparison.test_sets.items()}
    columns = tuple((theirs, ours_for.get(theirs)) for theirs in paper_test_sets())
    return tuple(
        ComparedTable(table, columns, tuple(_row(row, comparison, columns, results) for row in table.rows))
        for table in tables
    )


def run_here(tables: Iterable[ComparedTable]) -> tuple[ComparedTable, ...]:
    """The rows and columns that have our results; tables without any are left out."""
    found = []
    for table in tables:
        ours = [bool(ours) for _, ours in table.columns]
        rows = tuple(
            replace(row, cells=tuple(compress(row.cells, ours))) for row in table.rows if row.experiment
        )
        if rows and any(ours):
            found.append(replace(table, columns=tuple(compress(table.columns, ours)), rows=rows))
    return tuple(found)


def _row(
    row: PaperRow, comparison: Comparison, columns: tuple[tuple[str, str | None], ...], results: Results
) -> ComparedRow:
    experiment = comparison.rows.get(row.key)
    cells = tuple(
        Cell(row.recalls[theirs], results.of(experiment, ours) if experiment and ours else None)
        for theirs, ours in columns
    )
    return ComparedRow(row, experiment, cells)


def _check(comparison: Comparison, results: Results, tables: tuple[PaperTable, ...]) -> None:
    keys = [row.key for table in tables for row in table.rows]
    for named, known, what in (
        (list(comparison.rows), keys, "rows of the paper"),
        (list(comparison.rows.values()), list(results.experiments), "experiments"),
        (list(comparison.test_sets), list(results.test_sets), "test sets"),
        (list(comparison.test_sets.values()), list(paper_test_sets()), "test sets of the paper"),
    ):
        unknown = [name for name in named if name not in known]
        if unknown:
            raise ParameterError(
                f"comparison: no such {what}: {', '.join(map(str, unknown))}; known are:{listed(known, 60)}"
            )
    theirs = list(comparison.test_sets.values())
    if twice := sorted({name for name in theirs if theirs.count(name) > 1}):
        raise ParameterError(f"comparison: two test sets are given for {', '.join(twice)} of the paper")
