"""`duskline results`: the recall of each experiment, and where the report is."""

from __future__ import annotations

import click

from stages.command import say, worded_command
from stages.places import REPORT, RESULTS

_WIDTHS = (7, 6, 14, 6, 11)


@worded_command("results")
def main() -> None:
    """List the recall of every experiment in params.yaml, in percent, and where the report is."""
    from pipeline.core.params import read_params, section_of

    params = read_params()
    click.echo(_columns("experiment", "test set", "queries", "R@1", "95 % interval", "R@5", "chance R@1"))
    for experiment in section_of(params, "experiment"):
        for test_set in params["test_sets"]:
            click.echo(_line(experiment, test_set))
    if REPORT.is_file():
        say(f"The report: open {REPORT} in a browser.")
    else:
        say("No report yet; run: dvc repro")


def _line(experiment: str, test_set: str) -> str:
    from pipeline.runtime.errors import DusklineError
    from pipeline.vpr.results.metrics import read_metrics

    folder = RESULTS / experiment / test_set
    if not folder.is_dir():
        return (
            _columns(experiment, test_set)
            + f"not evaluated yet; run: dvc repro evaluate@{experiment}-{test_set}"
        )
    try:
        found = read_metrics(folder)
    except DusklineError as error:
        return _columns(experiment, test_set) + str(error)
    first, fifth = found.recalls[1], found.recalls[5]
    percent, at_five, chance = (f"{value:.1f}" for value in (first.percent, fifth.percent, first.chance))
    interval = f"{first.low:.1f} to {first.high:.1f}"
    return _columns(experiment, test_set, f"{found.queries:,}", percent, interval, at_five, chance)


def _columns(experiment: str, test_set: str, *numbers: str) -> str:
    start = f"{experiment:<20} {test_set:<20} "
    return start + " ".join(f"{text:>{width}}" for text, width in zip(numbers, _WIDTHS, strict=False))


if __name__ == "__main__":
    main()
