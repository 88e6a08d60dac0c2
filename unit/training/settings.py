"""All settings of a training run that can change its weights."""

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
    num_scales: scales; each sees the image at half the side of the one before, with weights of its own.
    norm: of the convolutions from the second on; in brackets the published variants: "none" (512x288 and
        512x288_VGG), "batch" (VGG_batchnorm), "instance" (VGG_instancenorm), "layer" (VGG_layernorm_128px).
    """

    dim: int
    n_layer: int
    num_scales: int
    norm: DiscriminatorNorm

    @property
    def smallest_side(self) -> int:
        """The smallest side of a training crop in pixels: the coarsest map must not be empty.

        If its channels are normalised separately, it must not be a single value either: its deviation is 0.
        """
        least = 2 if self.norm in ("batch", "instance") else 1
        return least * 2 ** (self.n_layer + self.num_scales - 1)


@dataclass(frozen=True)
class TrainSettings:
    """A UNIT training run; values in brackets are those of the published 512x288 models.

    dim: channels of the generators' first convolution; they double at each downsampling (64).
    n_downsample: number of times that the generators halve the sides (2).
    n_res: residual blocks in the encoder, and again in the decoder (4).
    dis_dim: channels of the discriminators' first convolution (64).
    n_layer: stride-2 convolutions of each discriminator (4).
    num_scales: number of discriminators; each one sees the image at half the side of the one before (3).
    dis_norm: norm layer of the discriminators, which differs between the published variants (none). "batch"
        uses the statistics of the whole batch of a domain, with real and translated images separate; the
        batch is then processed in one piece, also on a CPU.
    dis_augment: true shows the discriminators every image, real or translated, with changed colours, shifted
        and partly covered (`discriminator_views`). Without it, they memorise a small dataset of a few hundred
        images (false).
    lr: Adam's initial learning rate (1e-4).
    beta1: Adam's first decay rate (0.5).
    beta2: Adam's second decay rate (0.999).
    weight_decay: Adam's weight decay (1e-4).
    step_size: the learning rate is multiplied by `gamma` each time this many iterations are done (100,000).
    gamma: factor on the learning rate after each `step_size` iterations (0.5).
    gan_w: weight of the adversarial loss (1).
    recon_x_w: weight of the reconstruction loss (10).
    recon_kl_w: weight of the KL loss of the latent code (0.01). With fewer channels, it and `recon_kl_cyc_w`
        should be smaller: they keep the code as small as the noise added to it, and a code of few values is
        then lost.
    cyc_x_w: weight of the cycle loss (10).
    recon_kl_cyc_w: weight of the KL loss of the cycled latent code (0.01).
    vgg_w: weight of the perceptual loss (1 for the published VGG variants, else 0).
    edge_w: weight of `edge_loss`, which is our own: night images keep the edges of their day images (0).
    vgg_input: framework that the weights of the perceptual loss come from; it decides how images are prepared
        (caffe).
    shorter_side: shorter side of the images from which crops are taken (512); every second image is flipped.
    zoom: largest factor by which images are randomly enlarged first, so that few images give more different
        crops (1).
    crop_height: height of the crops (288), a multiple of 2 to the power of `n_downsample`.
    crop_width: width of the crops (512), also such a multiple.
    batch: images of each domain in one iteration (1).
    iterations: number of iterations (1,000,000).
    tied_iterations: during this many first iterations, both generators share their weights and only learn to
        reconstruct. They then start with one latent code for both domains. With two codes, the cycle loss has
        to match them, which can end in negatives: dark trees by day, bright trees at night (0).
    ema_decay: decay of the running mean of the generators' weights that is exported; 0 exports the weights
        themselves (0).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" runs everything in float32; "auto" uses
        bfloat16 where the device supports it, else float32 (off).
    checkpointing: true computes what the gradients need twice instead of storing it: slower, with about half
        the memory at the published size, and with the same numbers on a CPU (false).
    keep: exported weights: the "last" ones, or the "best", which are the saved ones with the lowest
        `recovery_error` (last).
    export: number format of the exported weights (float32).
    save_every: iterations between two saved states; the loss curve gets a row and the weights are scored at
        the same interval (5,000).
    sheet_every: iterations between two sheets of samples; 0 for none.
    seed: random seed of weights, order, crops, flips and noise.
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
    batch: Annotated[int, Range("images", least=1)]
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
                f"crops of {self.crop_height}x{self.crop_width} do not fit into images whose shorter side"
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
