"""Stage `experiment`: a trained model and how it is tested, in one folder."""

from __future__ import annotations

import click

from stages.command import parameter, stage_command
from stages.places import EXPERIMENTS, RECOGNISERS


@stage_command("experiment")
@parameter("model", str, "The trained model, below models/vpr.")
@parameter("height", int, "Height of the network's input, in pixels.")
@parameter("width", int, "Width of the network's input, in pixels.")
@parameter("radius", float, "Metres within which a found image shows the query's place.")
@parameter("autocast", click.Choice(["off", "bfloat16"]), "Arithmetic of the convolutions.")
@parameter("cpu_threads", int, "Threads of each operation on a CPU.")
def main(name: str, model: str, **settings: object) -> str:
    """Put a trained model together with its test-time settings; evaluate tests both on each test set."""
    from pipeline.core.params import build
    from pipeline.vpr.experiment import MODEL, Experiment, write_experiment

    experiment = build(Experiment, {"model": model, **settings}, f"experiment.{name}")
    write_experiment(EXPERIMENTS / name, experiment, RECOGNISERS / model / MODEL)
    return f"{model} at {experiment.width}x{experiment.height}"


if __name__ == "__main__":
    main()
