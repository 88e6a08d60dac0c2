"""Every choice of a training run that can change its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from unit.discriminator import DiscriminatorNorm, DiscriminatorSizes
from unit.losses import LossWeights
from unit.network import GeneratorSizes
from unit.vgg import VggInput

_POSITIVE = (
    "lr",
    "beta1",
    "beta2",
    "gamma",
    "step_size",
    "shorter_side",
    "batch",
    "iterations",
    "save_every",
)
_NOT_NEGATIVE = (
    *("weight_decay", "gan_w", "recon_x_w", "recon_kl_w", "cyc_x_w", "recon_kl_cyc_w", "vgg_w", "edge_w"),
    *("tied_iterations", "ema_decay", "sheet_every", "seed"),
)


@dataclass(frozen=True)
class TrainSettings:
    """A UNIT training run; in brackets the values of the published 512x288 models.

    dim, n_downsample, n_res: the generators' size (64, 2, 4); see `GeneratorSizes`.
    dis_dim, n_layer, num_scales: the discriminators' size (64, 4, 3); see `DiscriminatorSizes`.
    dis_norm: their norm (none). "batch" takes the statistics of each domain's whole batch, real and
        translated pictures apart; the batch then goes through as one piece, also on a CPU.
    lr, beta1, beta2, weight_decay: Adam (1e-4, 0.5, 0.999, 1e-4); `lr` is multiplied by `gamma` (0.5) every
        `step_size` (100,000) iterations.
    gan_w, recon_x_w, recon_kl_w, cyc_x_w, recon_kl_cyc_w, vgg_w: factors of the loss terms
        (1, 10, 0.01, 10, 0.01, 1). The fewer channels, the smaller the factors of the code ("kl") should be:
        they hold the code down to the noise that is added to it, which a code of few values does not survive.
    edge_w: factor of `edge_loss`, which is ours: the nights made of days keep the edges of the days (0).
    vgg_input: pictures that the weights of the perceptual term want, see `load_vgg` (caffe).
    shorter_side: pixels of the shorter side of the pictures (512), from which crops of crop_height x
        crop_width (288 x 512) are taken; every second picture is flipped.
    batch: pictures of each domain an iteration (1).
    iterations: how many (1,000,000).
    tied_iterations: for so many iterations, the first, both generators have the same weights and only learn
        to reconstruct; they then start from one code for both domains instead of two that the cycle has to
        match, which can end in negatives: dark trees by day, bright ones at night (0).
    ema_decay: what is exported is a running mean of the generators' weights with this decay; 0 exports the
        weights themselves (0).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" everything in float32, "auto" is the first
        where the device computes in bfloat16, else the second (off).
    checkpointing: whether what gradients need is computed twice instead of kept, which takes more time and
        about half the memory at the published size, and changes no number on a CPU (false).
    keep: which weights are exported: the last ones, or of the saved ones those with the least
        `recovery_error` ("last").
    export: number format of the exported weights (float32).
    save_every: iterations between two saved states; after as many a row of the loss curve ends and weights
        are judged (5,000).
    sheet_every: iterations between two sheets of samples; 0 for none.
    seed: of weights, order, crops, flips and noise.
    """

    dim: int
    n_downsample: int
    n_res: int
    dis_dim: int
    n_layer: int
    num_scales: int
    dis_norm: DiscriminatorNorm
    lr: float
    beta1: float
    beta2: float
    weight_decay: float
    step_size: int
    gamma: float
    gan_w: float
    recon_x_w: float
    recon_kl_w: float
    cyc_x_w: float
    recon_kl_cyc_w: float
    vgg_w: float
    edge_w: float
    vgg_input: VggInput
    shorter_side: int
    crop_height: int
    crop_width: int
    batch: int
    iterations: int
    tied_iterations: int
    ema_decay: float
    autocast: Literal["off", "bfloat16", "auto"]
    checkpointing: bool
    keep: Literal["last", "best"]
    export: Literal["float32", "float16"]
    save_every: int
    sheet_every: int
    seed: int

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
        for name in ("beta1", "beta2", "ema_decay"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} must be below 1, not {getattr(self, name)}")
        for name, allowed in (
            ("autocast", ("off", "bfloat16", "auto")),
            ("keep", ("last", "best")),
            ("export", ("float32", "float16")),
            ("vgg_input", get_args(VggInput)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
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

    @property
    def weights(self) -> LossWeights:
        """Factors of the loss terms."""
        return LossWeights(
            self.gan_w,
            self.recon_x_w,
            self.recon_kl_w,
            self.cyc_x_w,
            self.recon_kl_cyc_w,
            self.vgg_w,
            self.edge_w,
        )
