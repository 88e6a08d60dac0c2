"""Stage `experiment`: a model and its test settings, in one folder."""

from __future__ import annotations

from stages.command import stage_command
from stages.places import EXPERIMENTS, RECOGNISERS


@stage_command("experiment")
def main(name: str) -> str:
    """Combine a model with its test settings; `evaluate` then runs it on each test set."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.vpr.experiments.experiment import Experiment, write_experiment

    section = section_of(read_params(), "experiment", name)
    experiment = build(Experiment, section, f"experiment.{name}")
    write_experiment(EXPERIMENTS / name, experiment, RECOGNISERS / experiment.model)
    return f"{experiment.model} at {experiment.width}x{experiment.height}"


if __name__ == "__main__":
    main()
