"""Stage `report`: one page with the tables, curves, nights and finds."""

from __future__ import annotations

from stages.command import single_stage_command
from stages.places import COMPARISONS, REPORT, RESULTS, SHEETS, STATISTICS


@single_stage_command("report")
def main() -> str:
    """Write one self-contained page of what params.yaml names."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.report.comparison import Comparison, compared_tables
    from pipeline.report.page import write_page
    from pipeline.report.results import read_results

    params = read_params()
    results = read_results(RESULTS, section_of(params, "experiment"), params["test_sets"])
    comparison = build(Comparison, section_of(params, "comparison"), "comparison")
    sheets = [SHEETS / name for name in section_of(params, "sheets")]
    comparisons = [COMPARISONS / name for name in section_of(params, "compare")]
    statistics = [STATISTICS / name for name in section_of(params, "statistics")]
    tables = compared_tables(comparison, results)
    write_page(REPORT, results, tables, sheets, comparisons, statistics)
    return f"{REPORT}, {REPORT.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
