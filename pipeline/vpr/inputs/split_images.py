"""The images of one split: their positions, and the images as input of a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from pipeline.datasets.image_set.image_set import UNPLACED, ImageRow, ImageSet
from pipeline.runtime.errors import SetError
from pipeline.vpr.inputs.preprocessing import read_view

if TYPE_CHECKING:
    from pipeline.vpr.augmentation.transforms import Augmentation

# Metres, farther than any radius.
_FAR = 1e7


@dataclass(frozen=True)
class SplitImages:
    """Images of a dataset in the order of their names; `height` and `width` of the input in pixels."""

    images: ImageSet
    rows: tuple[ImageRow, ...]
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.rows)

    def file(self, index: int) -> tuple[bytes, str]:
        """Return the bytes of one image, and its name in error messages."""
        row = self.rows[index]
        return self.images.read(row), f"{self.images.root}/{row.name}"

    def read(self, index: int) -> torch.Tensor:
        """Return one image, normalised: (3, height, width), float32."""
        data, label = self.file(index)
        return read_view(data, self.height, self.width, label)

    def read_changed(
        self, index: int, augmentation: Augmentation, generator: np.random.Generator
    ) -> torch.Tensor:
        """Return one image as `read`, augmented with the random numbers of `generator`."""
        data, label = self.file(index)
        return augmentation.read(data, (self.height, self.width), label, generator)

    @property
    def nights(self) -> np.ndarray:
        """Whether each image is known to be a night image: (n,), bool."""
        return np.array([row.time_of_day == "night" for row in self.rows], dtype=bool)

    def without_nights(self) -> SplitImages:
        """The same without known night images; `SetError` when none is left."""
        rows = tuple(row for row in self.rows if row.time_of_day != "night")
        if not rows:
            raise SetError(f"all {len(self.rows)} images of this part of {self.images.root} are night images")
        return replace(self, rows=rows)

    @cached_property
    def positions(self) -> np.ndarray:
        """East and north in metres: (n, 2), float64; without known positions, all are far apart."""
        if self.images.positions_in == UNPLACED:
            return np.column_stack([_FAR * np.arange(len(self)), np.zeros(len(self))])
        return np.array([(row.east, row.north) for row in self.rows], dtype=np.float64).reshape(-1, 2)


def split_images(images: ImageSet, split: str, role: str, height: int, width: int) -> SplitImages:
    """The images of a split and role; `SetError` when there are none."""
    rows = images.where(split, role)
    if not rows:
        raise SetError(f"the dataset {images.root} has no images in {split}/{role}")
    return SplitImages(images, rows, height, width)
