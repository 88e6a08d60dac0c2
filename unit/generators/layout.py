"""The layouts of published generators, read from the shapes in a state dict: all keys that it must have.

CycleGAN, CUT, pix2pix and gandtr build their networks as numbered sequences, whose layers depend on options
of their command lines. The keys and shapes show which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, ...]
Norm = Literal["instance", "batch", "none"]

RESNET_FIRST = "model.1.weight"
UNET_FIRST = "model.model.0.weight"
_RUNNING = ("running_mean", "running_var")


@dataclass(frozen=True)
class ConvAt:
    """A convolution in the state dict.

    conv, norm: prefixes of its keys and of those of the norm after it, "" without a norm.
    shape: of its weight. transposed: whether its output channels are the second number of `shape`.
    """

    conv: str
    norm: str
    shape: Shape
    biased: bool
    transposed: bool = False

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return self.shape[1 if self.transposed else 0]


@dataclass(frozen=True)
class Layout(ABC):
    """The common part of all layouts: `width`, channels after the first convolution, and the kind of `norm`.

    biased: whether convolutions before a norm have a bias.
    """

    width: int
    norm: Norm
    biased: bool

    @property
    @abstractmethod
    def convs(self) -> tuple[ConvAt, ...]:
        """All convolutions, in the order of computation."""

    @property
    def filters(self) -> dict[str, Shape]:
        """Keys and shapes of the constant filters of antialiasing."""
        return {}

    def shapes(self) -> dict[str, Shape]:
        """Every required key with its shape."""
        needed = dict(self.filters)
        for at in self.convs:
            needed[f"{at.conv}.weight"] = at.shape
            if at.biased:
                needed[f"{at.conv}.bias"] = (at.channels,)
            if at.norm and self.norm == "batch":
                needed |= {f"{at.norm}.{name}": (at.channels,) for name in ("weight", "bias", *_RUNNING)}
        return needed

    def unused(self) -> set[str]:
        """Optional keys that are ignored, such as the statistics of old instance norms."""
        names = ["num_batches_tracked", *(_RUNNING if self.norm == "instance" else ())]
        return {f"{at.norm}.{name}" for at in self.convs if at.norm for name in names}


@dataclass(frozen=True)
class ResnetLayout(Layout):
    """Two downsamplings, `blocks` residual blocks and two upsamplings, plain or antialiased.

    dropout: whether every block has a dropout, which shifts the indices after it.
    """

    blocks: int
    dropout: bool
    antialias_down: bool
    antialias_up: bool

    @property
    def _after_blocks(self) -> int:
        return (12 if self.antialias_down else 10) + self.blocks

    @property
    def convs(self) -> tuple[ConvAt, ...]:
        """First, two down, two of each block, two up, last."""
        return tuple(self._convs())

    def _convs(self) -> Iterator[ConvAt]:
        w, after = self.width, self._after_blocks
        yield self._normed("model", 1, (w, 3, 7, 7))
        yield self._normed("model", 4, (2 * w, w, 3, 3))
        yield self._normed("model", 8 if self.antialias_down else 7, (4 * w, 2 * w, 3, 3))
        for block in range(after - self.blocks, after):
            for place in (1, 6 if self.dropout else 5):
                yield self._normed(f"model.{block}.conv_block", place, (4 * w, 4 * w, 3, 3))
        if self.antialias_up:
            yield self._normed("model", after + 1, (2 * w, 4 * w, 3, 3))
            yield self._normed("model", after + 5, (w, 2 * w, 3, 3))
        else:
            yield self._normed("model", after, (4 * w, 2 * w, 3, 3), transposed=True)
            yield self._normed("model", after + 3, (2 * w, w, 3, 3), transposed=True)
        last = after + (9 if self.antialias_up else 7)
        yield ConvAt(f"model.{last}", "", (3, w, 7, 7), biased=True)

    def _normed(self, where: str, place: int, shape: Shape, *, transposed: bool = False) -> ConvAt:
        return ConvAt(f"{where}.{place}", f"{where}.{place + 1}", shape, self.biased, transposed)

    @property
    def filters(self) -> dict[str, Shape]:
        """Keys and shapes of the constant filters of antialiasing."""
        w, after = self.width, self._after_blocks
        down: dict[str, Shape] = {"model.7.filt": (2 * w, 1, 3, 3), "model.11.filt": (4 * w, 1, 3, 3)}
        up: dict[str, Shape] = {
            f"model.{after}.filt": (4 * w, 1, 4, 4),
            f"model.{after + 4}.filt": (2 * w, 1, 4, 4),
        }
        return (down if self.antialias_down else {}) | (up if self.antialias_up else {})


@dataclass(frozen=True)
class UnetLayout(Layout):
    """`halvings` levels, each with a convolution down and one up, with concatenated skip connections."""

    halvings: int

    @property
    def convs(self) -> tuple[ConvAt, ...]:
        """All down from the outermost level, then all up from the innermost."""
        return (*map(self._down, range(self.halvings)), *map(self._up, reversed(range(self.halvings))))

    def _channels(self, level: int) -> int:
        return self.width * min(2**level, 8) if level >= 0 else 3

    def _down(self, level: int) -> ConvAt:
        shape = (self._channels(level), self._channels(level - 1), 4, 4)
        if level == 0:
            return ConvAt("model.model.0", "", shape, self.biased)
        where = unet_block(level)
        norm = "" if level == self.halvings - 1 else f"{where}.2"
        return ConvAt(f"{where}.1", norm, shape, self.biased)

    def _up(self, level: int) -> ConvAt:
        innermost = level == self.halvings - 1
        shape = (self._channels(level) * (1 if innermost else 2), self._channels(level - 1), 4, 4)
        if level == 0:
            return ConvAt("model.model.3", "", shape, biased=True, transposed=True)
        where, place = unet_block(level), 3 if innermost else 5
        return ConvAt(f"{where}.{place}", f"{where}.{place + 1}", shape, self.biased, transposed=True)


def unet_block(level: int) -> str:
    """The prefix of the keys of a U-Net's block, `level` from 1 on."""
    return "model.model.1.model" + ".3.model" * (level - 1)


def resnet_layout(shapes: Mapping[str, Shape]) -> ResnetLayout:
    """Read the layout from a state dict that has `RESNET_FIRST`; nothing is checked yet."""
    blocks = {key.split(".")[1] for key in shapes if key.startswith("model.") and ".conv_block." in key}
    antialias_down = "model.7.filt" in shapes
    start = 12 if antialias_down else 10
    return ResnetLayout(
        width=shapes[RESNET_FIRST][0],
        norm=_norm(shapes, "model.1", "model.2"),
        biased="model.1.bias" in shapes,
        blocks=len(blocks),
        # Without dropout, this key is the weight of a batch norm.
        dropout=len(shapes.get(f"model.{start}.conv_block.6.weight", ())) == 4,
        antialias_down=antialias_down,
        antialias_up=f"model.{start + len(blocks)}.filt" in shapes,
    )


def unet_layout(shapes: Mapping[str, Shape]) -> UnetLayout:
    """Read the layout from a state dict that has `UNET_FIRST`; nothing is checked yet."""
    halvings = 1
    while f"{unet_block(halvings)}.1.weight" in shapes:
        halvings += 1
    return UnetLayout(
        width=shapes[UNET_FIRST][0],
        norm=_norm(shapes, "model.model.0", f"{unet_block(1)}.2"),
        biased="model.model.0.bias" in shapes,
        halvings=halvings,
    )


def _norm(shapes: Mapping[str, Shape], conv: str, norm: str) -> Norm:
    if f"{norm}.weight" in shapes:
        return "batch"
    return "instance" if f"{conv}.bias" in shapes else "none"
