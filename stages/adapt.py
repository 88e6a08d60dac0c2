"""Stage `adapt`: adapt any place-recognition model to night images."""

from __future__ import annotations

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON_FROM_STATE, stage_command
from stages.places import RECOGNISER_CURVES, RECOGNISERS, SETS


@stage_command("adapt", GOES_ON_FROM_STATE)
def main(name: str) -> str:
    """Adapt a model to night images; an interrupted run resumes where it stopped."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.vpr.adaptation.adaptation import adapt
    from pipeline.vpr.adaptation.settings import AdaptSettings

    machine = read_machine()
    settings = build(AdaptSettings, section_of(read_params(), "adapt", name), f"adapt.{name}")
    summary = adapt(
        settings,
        RECOGNISERS / settings.model,
        ImageSet.open(SETS / settings.dataset),
        RECOGNISERS / name,
        machine.work / "adapt",
        live=RECOGNISER_CURVES / name,
        device=machine.device,
        workers=machine.workers,
    )
    return (
        f"{summary.steps:,} steps, {summary.steps - summary.started_at:,} in this run; loss"
        f" {summary.first_loss:.3f}, at the end {summary.last_loss:.3f}"
    )


if __name__ == "__main__":
    main()
