"""`duskline plan`: what the next `dvc repro` would run, why, and what it will take."""

from __future__ import annotations

import json

import click

from stages.command import worded_command
from stages.places import SETS


@worded_command("plan")
@click.argument("targets", nargs=-1)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document for machines instead of a table."
)
def main(targets: tuple[str, ...], as_json: bool) -> None:
    """List what `dvc repro` would run, with TARGETS what it would run for these; nothing is run.

    TARGETS are stages, such as `train@dn_gem`, or `train` for all of them.

    Times, memory and disk are those of earlier runs on this machine, which every stage writes down in work/;
    where nothing was run yet they are unknown. A stage that finds a part of its work done takes less.
    """
    import shutil

    from pipeline.core.params import read_params
    from pipeline.forecast.changes import pending_changes
    from pipeline.forecast.estimates import Estimates
    from pipeline.forecast.forecast import Forecast, Step
    from pipeline.forecast.image_counts import SetsForecast
    from pipeline.runtime.machine import read_machine
    from pipeline.runtime.memory import available_memory

    params = read_params()
    changes = pending_changes(targets)
    estimates = Estimates(read_machine(), params, SetsForecast(params, SETS))
    steps = [Step(change, estimates.of(change.stage)) for change in changes]
    forecast = Forecast(steps, available_memory(), shutil.disk_usage(".").free)
    if as_json:
        click.echo(json.dumps(forecast.document(), indent=2))
    else:
        click.echo("\n".join(forecast.lines()))


if __name__ == "__main__":
    main()
