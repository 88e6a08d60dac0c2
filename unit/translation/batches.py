"""Translate images in batches on a GPU; results agree with single images within one level."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device.transfer import to_device
from pipeline.runtime.errors import DusklineError
from unit.network.settings import UnitSettings
from unit.translation.translate import LIVE_PICTURES, Prepared, UnitTranslator

_LOG = logging.getLogger(__name__)

# Images of 682x512 pixels in the published network need about 0.3 GB each; larger batches are not faster.
_BATCH = 16
# Compiling takes about a minute, which this many batches of one shape save again.
_COMPILE_AFTER = 100


class UnitBatchTranslator(UnitTranslator):
    """As `UnitTranslator`, with up to `batch` images of one shape at a time.

    When the memory of the device runs out, `batch` is halved permanently, and the images are split. The
    network is compiled for frequent shapes, which changes results by at most one level.
    """

    def __init__(self, checkpoint: Path, settings: UnitSettings, device: str, threads: int) -> None:
        super().__init__(checkpoint, settings, device)
        self.batch = _BATCH
        self.threads = threads
        self._seen: Counter[torch.Size] = Counter()
        self._compiled = torch.compile(self.network, dynamic=False)
        self._compiles = device == "cuda" and self._opened.compiles
        if device == "cuda":
            # Full batches of a few shapes: it is worth searching for the fastest kernels once.
            torch.backends.cudnn.benchmark = True

    def memory(self, width: int, height: int) -> int:
        """Estimate the bytes in main memory; out-of-memory on the device is handled by smaller batches."""
        held = 4 * self.batch if self._device.type == "cuda" else 1
        return held * LIVE_PICTURES * width * height

    def translate(self, pictures: Sequence[Prepared]) -> list[np.ndarray]:
        """Translate images of one shape; `DusklineError` when not even one fits into the memory."""
        try:
            return super().translate(pictures)
        except torch.OutOfMemoryError as error:
            if len(pictures) == 1:
                height, width = pictures[0].shape[1:]
                raise DusklineError(
                    f"the memory of {self._device} is too small for an image of {width}x{height} pixels",
                    hint="lower shorter_side, close other programs on the GPU, or set DUSKLINE_DEVICE=cpu",
                ) from error
        # Outside the except block, whose error keeps the large tensors alive.
        torch.cuda.empty_cache()
        half = (len(pictures) + 1) // 2
        self.batch = min(self.batch, half)
        _LOG.info("out of memory: continuing with %d images at a time", self.batch)
        return self.translate(pictures[:half]) + self.translate(pictures[half:])

    def _placed(self, levels: Tensor) -> Tensor:
        return to_device(levels, self._device)

    def _forward(self, x: Tensor) -> Tensor:
        self._seen[x.shape] += 1
        if not self._compiles or len(x) < self.batch or self._seen[x.shape] <= _COMPILE_AFTER:
            return super()._forward(x)
        try:
            night: Tensor = self._compiled(x)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # no compiler, or a shape that it does not support
            _LOG.warning("continuing without torch.compile: %s: %s", type(error).__name__, error)
            self._compiles = False
            return super()._forward(x)
        return night
