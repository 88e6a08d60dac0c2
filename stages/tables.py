"""Stage `tables`: all recalls, and a comparison with the paper's."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import RESULTS, TABLES


@stage_command("tables", single=True)
def main() -> str:
    """Write the recalls of the experiments and test sets in params.yaml as CSV and Markdown."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.report.tables.comparison import Comparison, compared_tables
    from pipeline.report.tables.headline import read_headlines
    from pipeline.report.tables.results import read_results
    from pipeline.report.tables.tables import write_tables

    params = read_params()
    results = read_results(RESULTS, section_of(params, "experiment"), params["test_sets"])
    comparison = build(Comparison, section_of(params, "comparison"), "comparison")
    compared = compared_tables(comparison, results)
    headlines = read_headlines(section_of(params, "headline"), results)
    write_tables(TABLES, results, compared, headlines)
    return f"{len(results.metrics)} evaluations, {len(compared)} of the paper's tables"


if __name__ == "__main__":
    main()
