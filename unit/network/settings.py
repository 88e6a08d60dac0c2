"""How pictures are translated, and sizes and choices of the networks; without torch, so help is instant."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from pipeline.runtime.ranges import Pixels, Range, require_ranges

DiscriminatorNorm = Literal["none", "batch", "instance", "layer"]
# What the weights of the perceptual term were made for: their pictures are to be prepared as these were.
VggInput = Literal["caffe", "torchvision"]
# Reflection pads need a side longer than the pad; the code must be at least 2 by 2.
_SMALLEST_CODE = 2


@dataclass(frozen=True)
class GeneratorSizes:
    """The size of a generator; the published checkpoints are `GeneratorSizes(64, 2, 4)`.

    dim: channels after the first convolution; they double at each downsampling.
    n_downsample: how often the sides are halved.
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
        """The shortest input side in pixels that the reflection pads allow."""
        return max(4, _SMALLEST_CODE * 2**self.n_downsample)


@dataclass(frozen=True)
class UnitSettings:
    """How pictures are translated.

    direction: "day2night" decodes day codes as night, "night2day" the other way. A generator of one way has
        no choice: there it only says which way the file goes.
    shorter_side: shorter side of the picture in the network (512 for the published 512x288 models); a
        network may need more than the least. With null the picture's own.
    stretch: "minmax" stretches each picture by its own minimum and maximum, as UNIT's published pictures were
        made; "none" keeps the network's grey levels, as those of all other generators were.
    size: "model" leaves the network's own size; "source" resizes back to the size of the picture given, with
        Pillow's bicubic filter: sharper than bilinear, and without Lanczos's rings around lamps.
    detail: "network" leaves the pictures as the network draws them; "source" keeps the given picture's detail
        in the light that the network gives it, see `with_detail`.
    dtype: "float32" is exact; "bfloat16" is faster where the processor has it; "auto" takes it there.
    norm_statistics: of batch norms: those in the "file", or each "picture"'s own, as the published test
        scripts take them unless told to evaluate.
    dropout: "on" drops what the published test scripts drop, but draws it from the picture's own levels, so
        that every run gives the same; other networks have no such choice.
    size_multiple: of exported networks: they want sides that are multiples of it, so pictures are padded by
        reflection and cut back.
    trusted: whether the checkpoint may be an exported network, which can run any code on this machine.
    """

    direction: Literal["day2night", "night2day"]
    shorter_side: Pixels | None
    stretch: Literal["minmax", "none"]
    size: Literal["model", "source"]
    detail: Literal["network", "source"]
    dtype: Literal["float32", "bfloat16", "auto"]
    norm_statistics: Literal["file", "picture"] = "file"
    dropout: Literal["off", "on"] = "off"
    size_multiple: Annotated[int, Range("pixels", least=1)] = 1
    trusted: bool = False

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)

    def record(self) -> dict[str, object]:
        """What a picture depends on: without choices that are not made, and without trust."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {
            name: value for name, (value, usual) in values.items() if value != usual and name != "trusted"
        }


def require_choices(settings: object) -> None:
    """Raise `ValueError` when a field of the dataclass instance `settings` is none of its type's choices."""
    for name, hint in get_type_hints(type(settings)).items():
        if get_origin(hint) is Literal and getattr(settings, name) not in (known := get_args(hint)):
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(settings, name)!r}")
