"""Every choice of a training run that can change its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Factor, Pixels, Range, Seed, require_ranges
from unit.network.settings import DiscriminatorNorm, GeneratorSizes, VggInput, require_choices

_Decay = Annotated[float, Range(above=0, below=1)]
_Iterations = Annotated[int, Range("iterations", least=1)]
_SomeIterations = Annotated[int, Range("iterations", least=0)]


@dataclass(frozen=True)
class DiscriminatorSizes:
    """The size of a discriminator; the published ones are `DiscriminatorSizes(64, 4, 3, "none")`.

    dim: channels after the first convolution; they double at each further one.
    n_layer: stride-2 convolutions of each scale.
    num_scales: scales; each sees the picture at half the side of the one before, with weights of its own.
    norm: of the convolutions from the second on; in brackets the published variants: "none" (512x288 and
        512x288_VGG), "batch" (VGG_batchnorm), "instance" (VGG_instancenorm), "layer" (VGG_layernorm_128px).
    """

    dim: int
    n_layer: int
    num_scales: int
    norm: DiscriminatorNorm

    @property
    def smallest_side(self) -> int:
        """The shortest side in pixels of a training crop: the coarsest map must not be empty.

        Where each channel of it is normed, it must not be a single value either: its deviation would be 0.
        """
        least = 2 if self.norm in ("batch", "instance") else 1
        return least * 2 ** (self.n_layer + self.num_scales - 1)


@dataclass(frozen=True)
class TrainSettings:
    """A UNIT training run; in brackets the values of the published 512x288 models.

    dim: channels of the generators' first convolution; they double at each downsampling (64).
    n_downsample: how often the generators halve the sides (2).
    n_res: residual blocks in the encoder, and again in the decoder (4).
    dis_dim: channels of the discriminators' first convolution (64).
    n_layer: stride-2 convolutions of each discriminator (4).
    num_scales: discriminators, each on a picture of half the side (3).
    dis_norm: norm of the discriminators, in which the published variants differ (none). "batch" takes the
        statistics of each domain's whole batch, real and translated pictures apart; the batch then goes
        through as one piece, also on a CPU.
    dis_augment: whether the discriminators see every picture, real or translated, with colours of another
        strength, shifted and partly covered (`discriminator_views`): where pictures are few, a few hundred,
        they otherwise learn them by heart (false).
    lr: Adam's learning rate at first (1e-4).
    beta1: Adam's first decay (0.5).
    beta2: Adam's second decay (0.999).
    weight_decay: Adam's weight decay (1e-4).
    step_size: iterations after which the learning rate is multiplied by `gamma`, each time (100,000).
    gamma: factor by which the learning rate is multiplied (0.5).
    gan_w: factor of the adversarial loss (1).
    recon_x_w: factor of the reconstruction loss (10).
    recon_kl_w: factor of the code's KL loss (0.01). The fewer channels, the smaller it and `recon_kl_cyc_w`
        should be: they hold the code down to the noise that is added to it, which a code of few values does
        not survive.
    cyc_x_w: factor of the cycle loss (10).
    recon_kl_cyc_w: factor of the cycled code's KL loss (0.01).
    vgg_w: factor of the perceptual loss (1 for the published VGG variants, else 0).
    edge_w: factor of `edge_loss`, which is ours: the nights made of days keep the edges of the days (0).
    vgg_input: what made the weights of the perceptual loss, and so the pictures that they want (caffe).
    shorter_side: shorter side of the pictures (512), from which crops are taken; every second picture is
        flipped.
    zoom: pictures are first enlarged at random, by this factor at most, so that few of them give more crops
        (1).
    crop_height: height of the crops (288), a multiple of 2 to the power of `n_downsample`.
    crop_width: width of the crops (512), such a multiple too.
    batch: pictures of each domain an iteration (1).
    iterations: how many there are (1,000,000).
    tied_iterations: for so many, the first, both generators have the same weights and only learn to
        reconstruct; they then start from one code for both domains instead of two that the cycle has to
        match, which can end in negatives: dark trees by day, bright ones at night (0).
    ema_decay: what is exported is a running mean of the generators' weights with this decay; 0 exports the
        weights themselves (0).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" everything in float32, "auto" is the first
        where the device computes in bfloat16, else the second (off).
    checkpointing: whether what gradients need is computed twice instead of kept, which takes more time and
        about half the memory at the published size, and changes no number on a CPU (false).
    keep: which weights are exported: the "last" ones, or the "best", of the saved ones those with the least
        `recovery_error` (last).
    export: number format of the exported weights (float32).
    save_every: iterations between two saved states; after as many a row of the loss curve ends and weights
        are scored (5,000).
    sheet_every: iterations between two sheets of samples; 0 for none.
    seed: of weights, order, crops, flips and noise.
    """

    dim: Annotated[int, Range("channels", least=1)]
    n_downsample: Count
    n_res: Annotated[int, Range("blocks", least=1)]
    dis_dim: Annotated[int, Range("channels", least=1)]
    n_layer: Count
    num_scales: Count
    dis_norm: DiscriminatorNorm
    dis_augment: bool
    lr: Annotated[float, Range(above=0)]
    beta1: _Decay
    beta2: _Decay
    weight_decay: Factor
    step_size: _Iterations
    gamma: Annotated[float, Range(above=0)]
    gan_w: Factor
    recon_x_w: Factor
    recon_kl_w: Factor
    cyc_x_w: Factor
    recon_kl_cyc_w: Factor
    vgg_w: Factor
    edge_w: Factor
    vgg_input: VggInput
    shorter_side: Pixels
    zoom: Annotated[float, Range(least=1)]
    crop_height: Pixels
    crop_width: Pixels
    batch: Annotated[int, Range("pictures", least=1)]
    iterations: _Iterations
    tied_iterations: _SomeIterations
    ema_decay: Annotated[float, Range(least=0, below=1)]
    autocast: Literal["off", "bfloat16", "auto"]
    checkpointing: bool
    keep: Literal["last", "best"]
    export: Literal["float32", "float16"]
    save_every: _Iterations
    sheet_every: _SomeIterations
    seed: Seed

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        self._check_crop()

    def _check_crop(self) -> None:
        smallest = max(self.generator.smallest_side, self.discriminator.smallest_side)
        multiple = 2**self.n_downsample
        for name in ("crop_height", "crop_width"):
            side = getattr(self, name)
            if side < smallest or side % multiple:
                raise ValueError(
                    f"{name} must be a multiple of {multiple} and at least {smallest} for networks of"
                    f" this size, not {side}"
                )
        if min(self.crop_height, self.crop_width) > self.shorter_side:
            raise ValueError(
                f"crops of {self.crop_height}x{self.crop_width} do not fit into pictures whose shorter side"
                f" is {self.shorter_side}"
            )

    @property
    def generator(self) -> GeneratorSizes:
        """Size of the generators."""
        return GeneratorSizes(self.dim, self.n_downsample, self.n_res)

    @property
    def discriminator(self) -> DiscriminatorSizes:
        """Size of the discriminators."""
        return DiscriminatorSizes(self.dis_dim, self.n_layer, self.num_scales, self.dis_norm)
