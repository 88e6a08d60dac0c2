"""Stage `evaluate`: evaluate an experiment on a test set."""

from __future__ import annotations

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON, stage_command
from stages.known_names import in_section, set_names
from stages.options import parameter
from stages.places import EXPERIMENTS, RESULTS, SETS


@stage_command("evaluate", GOES_ON)
@parameter("experiment", str, "The experiment, in models/experiments.", names=in_section("experiment"))
@parameter("test_set", str, "The dataset whose test split is used, in data/sets.", names=set_names)
def main(name: str, experiment: str, test_set: str) -> str:  # noqa: ARG001 - names the lock
    """Retrieve the nearest database images of every test query, and compute recall."""
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.vpr.evaluation.evaluation import evaluate

    machine = read_machine()
    recalls = evaluate(
        EXPERIMENTS / experiment,
        ImageSet.open(SETS / test_set),
        RESULTS / experiment / test_set,
        machine.work / "descriptors",
        device=machine.device,
        workers=machine.workers,
        engine=machine.engine,
    )
    return f"{recalls} of {recalls.queries} queries"


if __name__ == "__main__":
    main()
