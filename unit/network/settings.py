"""Settings of translation, and sizes of the networks; without torch, so that --help is fast."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from pipeline.runtime.ranges import Pixels, Range, require_ranges

DiscriminatorNorm = Literal["none", "batch", "instance", "layer"]
# The framework of the VGG weights of the perceptual loss, which decides how images are prepared.
VggInput = Literal["caffe", "torchvision"]
# Reflection pads need a side longer than the pad; the code must be at least 2 by 2.
_SMALLEST_CODE = 2


@dataclass(frozen=True)
class GeneratorSizes:
    """The size of a generator; the published checkpoints are `GeneratorSizes(64, 2, 4)`.

    dim: channels after the first convolution; they double at each downsampling.
    n_downsample: number of times that the sides are halved.
    n_res: residual blocks in the encoder, and again in the decoder.
    """

    dim: int
    n_downsample: int
    n_res: int

    def __post_init__(self) -> None:
        if self.dim < 1 or self.n_downsample < 1 or self.n_res < 1:
            raise ValueError(f"dim, n_downsample and n_res must be at least 1, not {self}")

    @property
    def code_channels(self) -> int:
        """Channels of the code."""
        return self.dim * 2**self.n_downsample

    @property
    def smallest_side(self) -> int:
        """The smallest input side in pixels that the reflection pads allow."""
        return max(4, _SMALLEST_CODE * 2**self.n_downsample)


@dataclass(frozen=True)
class UnitSettings:
    """How images are translated.

    direction: "day2night" turns day into night, "night2day" the reverse. For a one-way generator it only
        records the direction of the checkpoint.
    shorter_side: shorter side of the image in the network (512 for the published 512x288 models); null keeps
        the size of the image. Some networks need more than the smallest value allowed here.
    stretch: "minmax" stretches the levels of each image by its own minimum and maximum, as in UNIT's
        published images; "none" keeps the levels of the network, as for all other generators.
    size: "model" keeps the output size of the network; "source" resizes back to the size of the input image
        with Pillow's bicubic filter, which is sharper than bilinear and has no rings around lamps as Lanczos
        does.
    detail: "network" keeps the output of the network; "source" keeps the detail of the input image, in the
        light of the network's output (see `with_detail`).
    dtype: "float32" is exact; "bfloat16" is faster where the processor supports it; "auto" uses bfloat16
        there.
    norm_statistics: batch norm statistics: those in the "file", or those of each "image", as the published
        test scripts use unless told to evaluate.
    dropout: "on" applies the dropout of the published test scripts, drawn from the image's own levels, so
        that every run gives the same result. Other networks have no such choice.
    size_multiple: for exported networks: both sides must be a multiple of this, so images are padded by
        reflection and cropped back.
    trusted: allow an exported network as checkpoint; it can run any code on this machine.
    """

    direction: Literal["day2night", "night2day"]
    shorter_side: Pixels | None
    stretch: Literal["minmax", "none"]
    size: Literal["model", "source"]
    detail: Literal["network", "source"]
    dtype: Literal["float32", "bfloat16", "auto"]
    norm_statistics: Literal["file", "image"] = "file"
    dropout: Literal["off", "on"] = "off"
    size_multiple: Annotated[int, Range("pixels", least=1)] = 1
    trusted: bool = False

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)

    def record(self) -> dict[str, object]:
        """The settings that results depend on, without default values and without `trusted`."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: value for name, (value, usual) in values.items() if value != usual and name != "trusted"
        }


def require_choices(settings: object) -> None:
    """Raise `ValueError` when a field of the dataclass instance `settings` is not an allowed choice."""
    for name, hint in get_type_hints(type(settings)).items():
        if get_origin(hint) is Literal and getattr(settings, name) not in (known := get_args(hint)):
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(settings, name)!r}")
