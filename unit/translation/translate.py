"""Images of one time of day to the other by any network, as the published test scripts do it."""

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

# To be raised by every change, here or in what is used here, that changes a level of an image: the work
# store would continue giving the nights of before. tests/unit/translation/test_pinned_levels.py notices.
REVISION = 1


# What is held at once of an image outside of the network, as measured: bytes for each of its pixels.
LIVE_PICTURES = 30


@dataclass(frozen=True)
class Prepared:
    """An image as the network takes it: `levels` (3, H', W') uint8, and `pixels` (H, W, 3) as they came."""

    levels: Tensor
    pixels: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Images of one shape can be translated together."""
        return tuple(self.levels.shape)


class UnitTranslator:
    """Translates images one at a time, so that an image's bytes never depend on its neighbours.

    The checkpoint may be UNIT's or any other that `network_of` opens. `digest` is the identity of everything
    but the image: equal digests give equal results on a CPU.
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
        """What makes an image of this translator what it is, as text."""
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
        """Estimate the bytes that one image of this size takes at most while it is translated."""
        short, long = sorted((width, height))
        side = self.settings.shorter_side or short
        pixels = math.prod(
            rounded_up(length, self._opened.multiple) for length in (side, side * long // short)
        )
        # A larger one is refused before the network sees it.
        inside = pixels if side * (side * long // short) <= MAX_MODEL_PIXELS else 0
        return self._opened.live * inside + LIVE_PICTURES * width * height

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Translate (H, W, 3) uint8 RGB to (H', W', 3) uint8 RGB.

        With size "model", H' and W' are those that the network makes of the resized sides: of the published
        UNIT floored to multiples of 4, of the published ResNets rounded up to them. With "source" they are H
        and W. `BadImageError` for an image that is too large, or too small, for the network.
        """
        prepared = self.prepare(pixels)
        return self.finish(self.translate([prepared])[0], prepared)

    def prepare(self, pixels: np.ndarray) -> Prepared:
        """Resize (H, W, 3) uint8 RGB for the network; `BadImageError` where it cannot take that."""
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
        """Bring a translated image to the size and the detail that the settings ask for."""
        if self.settings.size == "source" or self.settings.detail == "source":
            # What a network adds to fill its multiple, it adds at the right and below.
            night = night[: picture.levels.shape[1], : picture.levels.shape[2]]
        height, width = night.shape[:2] if self.settings.size == "model" else picture.pixels.shape[:2]
        if self.settings.detail == "source":
            seen = picture.levels.permute(1, 2, 0).cpu().numpy()
            # The network's sides are those of what it saw, cut to its multiple.
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
