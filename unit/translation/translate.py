"""Translate images between day and night with any network, as the published test scripts do."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.core.files import digest_document, digest_file
from pipeline.runtime.errors import ParameterError
from unit.generators.padding import rounded_up
from unit.network.pixels import MAX_MODEL_PIXELS, network_levels, to_pixels, to_range
from unit.network.settings import UnitSettings
from unit.translation.detail import with_detail
from unit.translation.networks import network_of

# Raise it with every change, here or in what is used here, that changes a level of an image: otherwise the
# work store returns the old nights. tests/unit/translation/test_pinned_levels.py notices.
REVISION = 1


# Measured peak memory of an image outside the network: bytes per pixel.
LIVE_PICTURES = 30


@dataclass(frozen=True)
class Prepared:
    """An image for the network: `levels` (3, H', W') uint8, and its original `pixels` (H, W, 3)."""

    levels: Tensor
    pixels: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Images of one shape can be translated together."""
        return tuple(self.levels.shape)


class UnitTranslator:
    """Translates images one at a time, so that the result never depends on other images.

    The checkpoint may be UNIT's or any other that `network_of` opens. `digest` identifies everything except
    the image: equal digests give equal results on a CPU.
    """

    def __init__(self, checkpoint: Path, settings: UnitSettings, device: str = "cpu") -> None:
        self._opened = network_of(checkpoint, settings, device)
        smallest = self._opened.smallest_side
        if settings.shorter_side is not None and settings.shorter_side < smallest:
            raise ParameterError(
                f"shorter_side must be at least {smallest} for this network, not {settings.shorter_side}"
            )
        self.settings = settings
        self.numeric = self._opened.numeric
        self.network = self._opened.module
        self._device = torch.device(device)
        self._checkpoint_digest = digest_file(checkpoint)

    @property
    def digest(self) -> str:
        """SHA-256 over the checkpoint, the settings and the resolved numeric path."""
        return digest_document(self.record())

    def record(self) -> dict[str, str]:
        """Everything that the results of this translator depend on, as text."""
        found: dict[str, Any] = {"network": self._opened.layout} if self._opened.layout else {}
        if self._opened.multiple > 1:
            found["padded_to"] = self._opened.multiple
        return {
            "translator": self._opened.kind,
            "checkpoint_digest": self._checkpoint_digest,
            "settings": json.dumps(self.settings.record() | found, sort_keys=True),
            "numeric_path": f"{self.numeric.path}, revision {REVISION}{self._opened.revision}",
        }

    def memory(self, width: int, height: int) -> int:
        """Estimate the peak memory in bytes while one image of this size is translated."""
        short, long = sorted((width, height))
        side = self.settings.shorter_side or short
        pixels = math.prod(
            rounded_up(length, self._opened.multiple) for length in (side, side * long // short)
        )
        # A larger image is refused before it reaches the network.
        inside = pixels if side * (side * long // short) <= MAX_MODEL_PIXELS else 0
        return self._opened.live * inside + LIVE_PICTURES * width * height

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Translate (H, W, 3) uint8 RGB to (H', W', 3) uint8 RGB.

        With size "model", H' and W' are the output size of the network for the resized image: multiples of 4,
        rounded down by the published UNIT and up by the published ResNets. With "source" they are H and W.
        `BadImageError` for an image that is too large or too small for the network.
        """
        prepared = self.prepare(pixels)
        return self.finish(self.translate([prepared])[0], prepared)

    def prepare(self, pixels: np.ndarray) -> Prepared:
        """Resize (H, W, 3) uint8 RGB for the network; `BadImageError` if it does not accept the size."""
        levels = network_levels(pixels, self.settings.shorter_side)
        self._opened.require_sides(*levels.shape[1:])
        return Prepared(levels, pixels)

    def translate(self, pictures: Sequence[Prepared]) -> list[np.ndarray]:
        """Translate images of one shape to (H', W', 3) uint8 RGB each, of the network's own size."""
        with torch.inference_mode():
            levels = self._placed(torch.stack([picture.levels for picture in pictures]))
            return list(
                to_pixels(self._forward(to_range(levels)), self.settings.stretch, self._opened.rounding)
            )

    def finish(self, night: np.ndarray, picture: Prepared) -> np.ndarray:
        """Give a translated image the size and the detail of the settings."""
        if self.settings.size == "source" or self.settings.detail == "source":
            # Networks that round their sides up add pixels at the right and bottom.
            night = night[: picture.levels.shape[1], : picture.levels.shape[2]]
        height, width = night.shape[:2] if self.settings.size == "model" else picture.pixels.shape[:2]
        if self.settings.detail == "source":
            seen = picture.levels.permute(1, 2, 0).cpu().numpy()
            # Networks that round their sides down crop at the right and bottom.
            seen = seen[: night.shape[0], : night.shape[1]]
            return with_detail(night, seen, seen if self.settings.size == "model" else picture.pixels)
        if night.shape[:2] == (height, width):
            return night
        return np.asarray(Image.fromarray(night).resize((width, height), Image.Resampling.BICUBIC))

    def _placed(self, levels: Tensor) -> Tensor:
        return levels

    def _forward(self, x: Tensor) -> Tensor:
        night: Tensor = self.network(x)
        return night
