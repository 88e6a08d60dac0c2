"""Stage `report`: one page with the results, images, and where they come from."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import AUGMENTATIONS, COMPARISONS, REPORT, RESULTS, SHEETS, STATISTICS


@stage_command("report", single=True)
def main() -> str:
    """Write one self-contained page about the experiments and datasets in params.yaml."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.report.page.page import Augmentations, Material, PageParams, write_page
    from pipeline.report.tables.comparison import Comparison, compared_tables
    from pipeline.report.tables.headline import read_headlines
    from pipeline.report.tables.results import read_results

    params = read_params()
    page = build(PageParams, section_of(params, "report"), "report")
    results = read_results(RESULTS, section_of(params, "experiment"), params["test_sets"])
    comparison = build(Comparison, section_of(params, "comparison"), "comparison")
    material = Material(
        params=params,
        results=results,
        headlines=read_headlines(section_of(params, "headline"), results),
        compared=compared_tables(comparison, results),
        sheets=[SHEETS / name for name in section_of(params, "sheets")],
        comparisons=[COMPARISONS / name for name in section_of(params, "compare")],
        augmentations=[
            Augmentations(
                name,
                AUGMENTATIONS / f"{name}.jpg",
                tuple(section_of(params, "augmentations", name, "changes")),
            )
            for name in section_of(params, "augmentations")
        ],
        statistics=[STATISTICS / name for name in section_of(params, "statistics")],
    )
    write_page(REPORT, material, page.megabytes)
    return f"{REPORT}, {REPORT.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
