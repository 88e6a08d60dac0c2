"""Random augmentation of training images: false nights, lights, colours, perspective, occlusion.

All random numbers come from the image's own generator, so the number of reading threads changes nothing.
Source: the paper and the Deep Visual Geo-localization Benchmark.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode, functional

from pipeline.core.image_io import open_rgb
from pipeline.runtime.ranges import Factor, Range, Share, require_ranges
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.inputs.preprocessing import as_view

# Two readings of a value that the paper gives as a share of 1: "literal" takes it as one of 255 levels, as
# its code did on 8-bit images; "meant" takes it as a share of the full range, as its text says.
Form = Literal["literal", "meant"]
# Tries to place an occlusion or a crop, as in torchvision.
_TRIES = 10
_Piece = Annotated[float, Range(above=0, most=1)]


@dataclass(frozen=True)
class Night:
    """A false night: levels from `threshold` on are inverted, then all levels are multiplied by `brightness`.

    threshold: share of the full level, from 0 to 1 (0.25 in the paper).
    form: how the threshold is read: "literal", as one of 255 levels, inverts every level except 0; "meant",
        as a share of the full range, inverts levels from 64 of 255 on when the threshold is 0.25.
    brightness: factor on all levels (0.55 in the paper).
    """

    threshold: Share
    form: Form
    brightness: Factor

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:  # noqa: ARG002
        """Change an image; nothing is random."""
        solarized = functional.solarize(image, self.threshold * _unit(self.form))
        return functional.adjust_brightness(solarized, self.brightness)


@dataclass(frozen=True)
class Jitter:
    """Colour jitter: each factor is drawn from [1 - value, 1 + value], the hue shift from [-hue, hue].

    The four are applied in random order.

    brightness: largest difference of the brightness factor from 1.
    contrast: largest difference of the contrast factor from 1.
    saturation: largest difference of the saturation factor from 1.
    hue: largest hue shift in either direction; 0.5 is half the colour circle.
    """

    brightness: Factor
    contrast: Factor
    saturation: Factor
    hue: Annotated[float, Range(least=0, most=0.5)]

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Change an image."""
        factors = {
            name: float(rng.uniform(max(0.0, 1 - value), 1 + value))
            for name, value in (
                ("brightness", self.brightness),
                ("contrast", self.contrast),
                ("saturation", self.saturation),
            )
        }
        factors["hue"] = float(rng.uniform(-self.hue, self.hue))
        for name in rng.permutation(sorted(factors)):
            image = getattr(functional, f"adjust_{name}")(image, factors[name])
        return image


@dataclass(frozen=True)
class Perspective:
    """With `probability`, the corners move inwards by up to `distortion` of half a side.

    The paper: 0.5 with 0.7; fill 1, or fill 0 and the central 300x400 of 480x640, which is 0.625 of an image
    of any size.

    distortion: largest shift of a corner, as a share of half a side.
    probability: probability that an image is changed.
    fill: colour of the uncovered area, from black (0) to white (1).
    form: how `fill` is read: "literal", as one of 255 levels; "meant", as a share of the full range.
    crop: share of height and width that is then kept around the centre, of every image, changed or not; null
        keeps everything.
    """

    distortion: Share
    probability: Share
    fill: Share
    form: Form
    crop: _Piece | None

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Change an image."""
        width, height = image.size
        if rng.random() < self.probability:
            before = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
            x, y = (1 + int(self.distortion * (side // 2)) for side in (width, height))
            after = []
            for right, low in ((0, 0), (1, 0), (1, 1), (0, 1)):
                across, down = int(rng.integers(x)), int(rng.integers(y))
                after.append([width - 1 - across if right else across, height - 1 - down if low else down])
            image = functional.perspective(
                image,
                before,
                after,
                InterpolationMode.BILINEAR,
                [int(self.fill * _unit(self.form))] * 3,
            )
        if self.crop is None:
            return image
        kept = [round(self.crop * height), round(self.crop * width)]
        return functional.center_crop(image, kept)


@dataclass(frozen=True)
class ResizedCrop:
    """A random crop with at least `smallest` of the area and a ratio of width to height from 3/4 to 4/3.

    It is then resized to the network's input size, as any image.

    smallest: smallest share of the area.
    """

    smallest: _Piece

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Change an image."""
        width, height = image.size
        place = _rectangle(rng, (height, width), (self.smallest, 1.0), (3 / 4, 4 / 3))
        if place is None:
            return image
        return functional.crop(image, *place)


@dataclass(frozen=True)
class Rotation:
    """A rotation by up to `degrees` in either direction; uncovered corners are black.

    degrees: largest rotation.
    """

    degrees: Annotated[float, Range("degrees", least=0, most=180)]

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Change an image."""
        return functional.rotate(image, float(rng.uniform(-self.degrees, self.degrees)))


@dataclass(frozen=True)
class Occlusion:
    """With `probability`, a rectangle of the normalised input becomes noise with standard deviation 1.

    probability: probability that an image is changed (0.7 in the paper).
    area: smallest and largest share of the input, above 0 and up to 1 (0.05 and 0.08 in the paper).
    ratio: smallest and largest ratio of height to width, above 0 (0.3 and 5.3 in the paper).
    """

    probability: Share
    area: tuple[float, float]
    ratio: tuple[float, float]

    def __post_init__(self) -> None:
        require_ranges(self)
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise ValueError(f"area must be two increasing shares above 0 and at most 1, not {self.area}")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio must be two increasing numbers above 0, not {self.ratio}")

    def __call__(self, view: Tensor, rng: np.random.Generator) -> Tensor:
        """Change a normalised input (3, H, W)."""
        if rng.random() >= self.probability:
            return view
        ratio = (1 / self.ratio[1], 1 / self.ratio[0])
        place = _rectangle(rng, (view.shape[1], view.shape[2]), self.area, ratio)
        if place is None:
            return view
        noise = rng.standard_normal((3, *place[2:]), dtype=np.float32)
        return functional.erase(view, *place, torch.from_numpy(noise))


@dataclass(frozen=True)
class Augmentation:
    """Changes of a training image, applied in this order; parts that are left out do nothing.

    All but the last change the 8-bit image, before it is normalised and resized; the occlusion changes the
    network's input.

    night: a false night.
    lights: other lights for a night image.
    jitter: other colours.
    perspective: another viewpoint.
    resized_crop: a crop of the image.
    rotation: a rotation.
    occlusion: a rectangle of noise.
    """

    night: Night | None = None
    lights: Lights | None = None
    jitter: Jitter | None = None
    perspective: Perspective | None = None
    resized_crop: ResizedCrop | None = None
    rotation: Rotation | None = None
    occlusion: Occlusion | None = None

    @property
    def in_words(self) -> str:
        """The parts with their values, such as `night (threshold 0.25, form literal, brightness 0.55)`."""
        parts = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return ", ".join(
            f"{name} ({', '.join(f'{key} {value}' for key, value in asdict(part).items())})"
            for name, part in parts
            if part is not None
        )

    def read(self, data: bytes, size: tuple[int, int], label: str, rng: np.random.Generator) -> Tensor:
        """Decode and augment an image file's bytes: (3, height, width) of `size`; errors as `read_view`."""
        image = open_rgb(data, label=label)
        for part in (
            self.night,
            self.lights,
            self.jitter,
            self.perspective,
            self.resized_crop,
            self.rotation,
        ):
            if part is not None:
                image = part(image, rng)
        view = as_view(np.asarray(image), *size)
        return view if self.occlusion is None else self.occlusion(view, rng)


def query_generator(seed: int, epoch: int, round_number: int, query: int) -> np.random.Generator:
    """The random generator of a query's augmentation: depends on seed, epoch, round and query only."""
    # Trailing zeros do not change a seed, and mining uses the first three numbers: so 1 is added.
    return np.random.default_rng([seed, epoch, round_number, 1 + query])


def night_generator(seed: int, epoch: int, round_number: int, query: int) -> np.random.Generator:
    """The random generator of the augmentation of a query's night image."""
    # One number more than in `query_generator`.
    return np.random.default_rng([seed, epoch, round_number, 1 + query, 1])


def _unit(form: Form) -> float:
    return 1.0 if form == "literal" else 255.0


def _rectangle(
    rng: np.random.Generator, size: tuple[int, int], area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int] | None:
    """Draw top, left, height and width within `size` (height, width); None when no try fits.

    area: range of shares; ratio: range of width to height, uniform in its logarithm.
    """
    for _ in range(_TRIES):
        pixels = rng.uniform(*area) * size[0] * size[1]
        across = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        height, width = round(math.sqrt(pixels / across)), round(math.sqrt(pixels * across))
        if 0 < height <= size[0] and 0 < width <= size[1]:
            return (
                int(rng.integers(size[0] - height + 1)),
                int(rng.integers(size[1] - width + 1)),
                height,
                width,
            )
    return None
