"""`duskline plan`: what the next `dvc repro` would run, why, and how much time and memory it needs."""

from __future__ import annotations

import json

import click

from stages.command import worded_command
from stages.places import SETS


@worded_command("plan")
@click.argument("targets", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
def main(targets: tuple[str, ...], as_json: bool) -> None:
    """List what `dvc repro` would run, or what it would run for TARGETS; nothing is run.

    TARGETS are stages, such as `train@dn_gem`, or `train` for all its instances.

    Time and memory (of the largest process) come from the last run on this machine, which every stage
    records in work/. Without one, they are scaled by the number of images from another instance of the
    stage; without any, they are unknown. The output size of a dataset counts its images, but not links. A
    stage that resumes takes less.
    """
    import shutil
    from dataclasses import asdict

    from pipeline.compute.resources.timings import machine_in_words, read_timings
    from pipeline.core.params import read_params
    from pipeline.forecast.changes import last_runs, pending_changes
    from pipeline.forecast.estimates import Estimates
    from pipeline.forecast.forecast import forecast_lines
    from pipeline.forecast.image_counts import SetsForecast
    from pipeline.runtime.machine import read_machine
    from pipeline.runtime.memory import available_memory

    params, machine = read_params(), read_machine()
    changes = pending_changes(targets)
    sets = SetsForecast(params, SETS)
    estimates = Estimates(read_timings(machine.work), last_runs(), machine_in_words(machine), params, sets)
    steps = [(change, estimates.of(change.stage)) for change in changes]
    free_memory, free_disk = available_memory(), shutil.disk_usage(".").free
    if as_json:
        stages = [asdict(change) | asdict(estimate) for change, estimate in steps]
        document = {"stages": stages, "free_memory": free_memory, "free_disk": free_disk}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("\n".join(forecast_lines(steps, free_memory, free_disk)))


if __name__ == "__main__":
    main()
