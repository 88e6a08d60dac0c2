"""Stage `train_unit`: train your own UNIT translator on unpaired day and night images."""

from __future__ import annotations

from pathlib import Path

from pipeline.runtime.machine import read_machine
from stages.command import GOES_ON_FROM_STATE, stage_command
from stages.options import parameter, parameters_of
from stages.places import UNIT_CURVES, UNIT_MODELS
from stages.training_sides import read_side
from unit.training.settings import TrainSettings


@stage_command("train_unit", GOES_ON_FROM_STATE)
@parameter("day", Path, "Folder of day images, or a side in data/image_lists.")
@parameter("night", Path, "Folder of night images, or a side in data/image_lists; they may show any places.")
@parameter("vgg", str, "File of VGG-16 weights for the perceptual loss; none when `vgg_w` is 0.")
@parameters_of(TrainSettings)
def main(name: str, day: Path, night: Path, vgg: str, **settings: object) -> str:
    """Train UNIT on unpaired day and night images; an interrupted run resumes where it stopped."""
    from pipeline.compute.device.precision import device_of
    from pipeline.core.params import build, read_params
    from unit.training.train import train

    machine = read_machine()
    params = read_params()
    choices = build(TrainSettings, settings, f"train_unit.{name}")
    summary = train(
        choices,
        read_side(day, params),
        read_side(night, params),
        UNIT_MODELS / f"{name}.pt",
        machine.work / "train_unit",
        live=UNIT_CURVES / name,
        # DVC writes a null of params.yaml as None.
        vgg=None if vgg in ("none", "None") else Path(vgg),
        device=device_of(machine.device).type,
        # More threads would share an image, and the last bits of the weights would depend on the machine.
        threads=min(machine.workers, choices.batch),
    )
    return (
        f"{summary.iterations:,} iterations, {summary.iterations - summary.started_at:,} in this run, "
        f"autocast {summary.autocast}; exported after {summary.exported:,}, recovery error "
        f"{summary.error:.4f}; curves in {UNIT_CURVES / name}, earlier sheets in {summary.folder}"
    )


if __name__ == "__main__":
    main()
