"""Random crops of images, which depend only on the seed and their number in the run."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.core.image_io import open_rgb
from pipeline.runtime.errors import BadImageError
from pipeline.runtime.read_ahead import read_ahead
from unit.data.domain_images import Side
from unit.network.pixels import resize_shorter, to_range

# Iterations whose crops are read ahead.
_AHEAD = 4


@dataclass
class CropSource:
    """An endless sequence of crops: each pass has a new order, and nothing depends on earlier calls.

    side: the images.
    crop: height and width in pixels, cropped after the shorter side was resized to `shorter_side`.
    zoom: largest random enlargement of an image before cropping; 1 for none.
    seed: of order, flips, zooms and positions; `stream` distinguishes sources with the same seed.
    """

    side: Side
    shorter_side: int
    crop: tuple[int, int]
    seed: int
    stream: int
    zoom: float = 1.0
    # Of the last requested pass; several threads may use it.
    _order: tuple[int, np.ndarray] = field(init=False, default=(-1, np.empty(0, dtype=np.int64)))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of the images."""
        return self.side.paths

    def path_at(self, position: int) -> Path:
        """The image of crop number `position`."""
        epoch, place = divmod(position, len(self.paths))
        known, order = self._order
        if known != epoch:
            order = np.random.default_rng([self.seed, self.stream, 0, epoch]).permutation(len(self.paths))
            self._order = (epoch, order)
        return self.paths[order[place]]

    def crop_at(self, position: int) -> Tensor:
        """Crop number `position` as (3, height, width) float32 in -1..1."""
        path = self.path_at(position)
        rng = np.random.default_rng([self.seed, self.stream, 1, position])
        image = open_rgb(path)
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        zoom = rng.uniform(1, self.zoom) if self.zoom > 1 else 1.0
        image, right, low = self._resized(image, path, zoom)
        left = int(rng.integers(right + 1))
        return self._cut(image, left, int(rng.integers(low + 1)))

    def require_croppable(self, path: Path) -> None:
        """Raise `BadImageError` when the image cannot be read, or is too small for a crop."""
        self._resized(open_rgb(path), path)

    def middles(self, count: int) -> Tensor:
        """The centre crops of `count` images, spread evenly over all, as (count, 3, height, width)."""
        crops = []
        for path in spread(self.paths, count):
            image, right, low = self._resized(open_rgb(path), path)
            crops.append(self._cut(image, right // 2, low // 2))
        return torch.stack(crops)

    def _cut(self, image: Image.Image, left: int, top: int) -> Tensor:
        height, width = self.crop
        return to_tensor(image.crop((left, top, left + width, top + height)))

    def _resized(self, image: Image.Image, path: Path, zoom: float = 1.0) -> tuple[Image.Image, int, int]:
        """The resized image, and the largest offsets of a crop from the left and from the top."""
        image = resize_shorter(image, round(zoom * self.shorter_side))
        height, width = self.crop
        if image.width < width or image.height < height:
            raise BadImageError(
                f"{path}: {image.width}x{image.height} pixels after resizing, too small for crops of"
                f" {width}x{height}"
            )
        return image, image.width - width, image.height - height


def read_crops(
    sources: Sequence[CropSource], positions: Iterable[range], threads: int
) -> Generator[tuple[Tensor, ...], None, None]:
    """Yield the crops of each iteration, (N, 3, height, width) of each source, read ahead.

    positions: the numbers of the crops of each iteration. The number of reading `threads` changes nothing.
    """
    reads = (
        [partial(source.crop_at, position) for source in sources for position in some] for some in positions
    )
    for crops in read_ahead(reads, threads, _AHEAD):
        yield torch.stack(crops).chunk(len(sources))


def spread(paths: tuple[Path, ...], count: int) -> list[Path]:
    """`count` evenly spread paths; if there are fewer, some are repeated."""
    return [paths[index * len(paths) // count] for index in range(count)]


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as (3, H, W) float32 in -1..1."""
    return to_range(torch.from_numpy(np.array(image)).permute(2, 0, 1))
