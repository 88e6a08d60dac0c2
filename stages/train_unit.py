"""Stage `train_unit`: a UNIT translator of the user's own, from two unpaired sides of pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pipeline.core.machine import read_machine
from stages.command import parameter, stage_command
from stages.places import UNIT_CURVES, UNIT_MODELS
from stages.training_sides import read_side


@stage_command("train_unit")
@parameter("day", click.Path(path_type=Path), "Folder of day pictures, or a side below data/pictures.")
@parameter("night", click.Path(path_type=Path), "The same of night pictures, of any places.")
@parameter("dim", int, "Channels of the generators' first layer; 64 as published.")
@parameter("n_downsample", int, "How often the generators halve the picture; 2 as published.")
@parameter("n_res", int, "Residual blocks of each encoder and decoder; 4 as published.")
@parameter("dis_dim", int, "Channels of the discriminators' first layer; 64 as published.")
@parameter("n_layer", int, "Convolutions of each discriminator; 4 as published.")
@parameter("num_scales", int, "Discriminators, each on a picture half as large; 3 as published.")
@parameter(
    "dis_norm",
    click.Choice(["none", "batch", "instance", "layer"]),
    "Norm of the discriminators; the published variants differ in it.",
)
@parameter("lr", float, "Learning rate; 0.0001 as published.")
@parameter("beta1", float, "Adam's first decay; 0.5 as published.")
@parameter("beta2", float, "Adam's second decay; 0.999 as published.")
@parameter("weight_decay", float, "Adam's weight decay; 0.0001 as published.")
@parameter("step_size", int, "Iterations between two cuts of the learning rate; 100,000 as published.")
@parameter("gamma", float, "Factor of each cut; 0.5 as published.")
@parameter("gan_w", float, "Factor of the adversarial loss; 1 as published.")
@parameter("recon_x_w", float, "Factor of the reconstruction loss; 10 as published.")
@parameter("recon_kl_w", float, "Factor of the code's KL loss; 0.01 as published.")
@parameter("cyc_x_w", float, "Factor of the cycle loss; 10 as published.")
@parameter("recon_kl_cyc_w", float, "Factor of the cycled code's KL loss; 0.01 as published.")
@parameter("vgg_w", float, "Factor of the perceptual loss; 1 as published for the VGG variants, else 0.")
@parameter(
    "edge_w", float, "Factor of the loss that keeps the edges of days in their nights; 0 as published."
)
@parameter("vgg", str, "File of VGG-16 weights for the perceptual loss; none where its factor is 0.")
@parameter(
    "vgg_input",
    click.Choice(["caffe", "torchvision"]),
    "What made these weights, and so the pictures they want; caffe as published.",
)
@parameter("shorter_side", int, "Shorter side of the pictures, in pixels; 512 as published.")
@parameter("crop_height", int, "Height of the crops, in pixels; 288 as published.")
@parameter("crop_width", int, "Width of the crops, in pixels; 512 as published.")
@parameter("batch", int, "Pictures of each folder in an iteration; 1 as published.")
@parameter("iterations", int, "How many iterations; 1,000,000 as published.")
@parameter(
    "tied_iterations", int, "First iterations, in which both generators share weights; 0 as published."
)
@parameter(
    "ema_decay", float, "Decay of the running mean of weights that is exported; 0 exports the weights."
)
@parameter("autocast", click.Choice(["off", "bfloat16", "auto"]), "Arithmetic of the convolutions.")
@click.option(
    "--checkpointing/--no-checkpointing",
    required=True,
    help="Whether to compute again what gradients need, instead of keeping it: slower, half the memory.",
)
@parameter("keep", click.Choice(["last", "best"]), "Which weights are exported; last as published.")
@parameter("export", click.Choice(["float32", "float16"]), "Number format of the exported weights.")
@parameter("save_every", int, "Iterations between two saved states.")
@parameter("sheet_every", int, "Iterations between two sheets of samples; 0 for none.")
@parameter("seed", int, "Of weights, order, crops, flips and noise.")
def main(name: str, day: Path, night: Path, vgg: str, **settings: object) -> str:
    """Train UNIT on two unpaired sides; a run that was ended goes on where it stopped."""
    from pipeline.core.params import build, read_params
    from unit.numeric import chosen_device
    from unit.train import train
    from unit.train_settings import TrainSettings

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
        device=chosen_device(machine.device),
        # More would share a picture, and so change the last bits of the weights with the machine.
        threads=min(machine.workers, choices.batch),
        say=partial(click.echo, err=True),
    )
    return (
        f"{summary.iterations:,} iterations, {summary.iterations - summary.started_at:,} of them now, "
        f"autocast {summary.autocast}; exported as after {summary.exported:,}, recovery error "
        f"{summary.error:.4f}; curves in {UNIT_CURVES / name}, earlier sheets in {summary.folder}"
    )


if __name__ == "__main__":
    main()
