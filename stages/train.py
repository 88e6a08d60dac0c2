"""Stage `train`: train a place-recognition model on the train and val splits of a dataset."""

from __future__ import annotations

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON_FROM_STATE, stage_command
from stages.places import RECOGNISER_CURVES, RECOGNISERS, SETS


@stage_command("train", GOES_ON_FROM_STATE)
def main(name: str) -> str:
    """Train a place-recognition model; an interrupted run resumes where it stopped."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.vpr.training.settings import TrainSettings
    from pipeline.vpr.training.training import train_model

    machine = read_machine()
    settings = build(TrainSettings, section_of(read_params(), "train", name), f"train.{name}")
    summary = train_model(
        settings,
        ImageSet.open(SETS / settings.dataset),
        RECOGNISERS / name,
        machine.work / "train",
        live=RECOGNISER_CURVES / name,
        device=machine.device,
        workers=machine.workers,
    )
    return (
        f"{summary.epochs} epochs, {summary.epochs - summary.started_at} in this run, "
        f"recall@5 on val {summary.recall:.1f} % after epoch {summary.best_epoch}"
    )


if __name__ == "__main__":
    main()
