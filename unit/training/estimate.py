"""Estimate a training run: memory from its sizes, time from measured steps."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.core.files import digest_document, read_json, write_json
from pipeline.runtime.errors import DusklineError
from unit.network.network import Generator
from unit.training.discriminator import Discriminator
from unit.training.settings import TrainSettings

_LOG = logging.getLogger(__name__)

# Bytes, fitted to the peaks of 15 training runs: dim 16 to 64, crops of 32x32 to 288x512, float32 and
# bfloat16, with and without checkpointing, batches of 1 and 2; all are within 10 %.
_PROCESS = 760_000_000
# Weights, their gradients, two moments and the running mean, float32.
_OF_A_WEIGHT = 20
# For each output value of a convolution in a step, by number format: if everything is kept, and if only the
# largest part that is computed again counts.
_KEPT = {"off": 21.6, "bfloat16": 13.1}
_RECOMPUTED = {"off": 38.8, "bfloat16": 28.8}
_JUDGED = 31.6
# Runs of the encoder and the decoder of each generator in a step, for each image of a domain.
_ENCODINGS, _DECODINGS, _DECODED_AT_ONCE = 4, 6, 2
# Outputs are counted on a crop of this side in pixels, because they grow with the area.
_COUNTED_ON = 64
# Steps that are timed, after one to warm up.
_TIMED = 3
_TIMES = "seconds.json"


def memory_of_training(
    settings: TrainSettings, pictures: int, arithmetic: str, features: nn.Module | None
) -> int:
    """Estimate the peak memory of a training process on a CPU, in bytes.

    pictures: images of each domain in a step of this process. arithmetic: the resolved autocast, "off" or
    "bfloat16". features: the network of the perceptual loss; the numbers were fitted without it, so it is
    counted like a part of a generator.
    """
    with torch.no_grad():
        generator = Generator(settings.generator)
        discriminator = Discriminator(settings.discriminator)
        side = max(_COUNTED_ON, settings.discriminator.smallest_side)
        picture = torch.zeros(1, 3, side, side)
        encoded, code = _given(generator.enc, picture)
        decoded, _ = _given(generator.dec, code)
        judged, _ = _given(discriminator, picture)
        seen = 0 if features is None else 2 * _given(features, picture)[0]
    area = settings.crop_height * settings.crop_width / side**2
    weights = 2 * sum(p.numel() for net in (generator, discriminator) for p in net.parameters())
    if settings.checkpointing:
        numbers = _RECOMPUTED[arithmetic] * max(encoded, _DECODED_AT_ONCE * decoded)
        kept = _KEPT[arithmetic] * seen
    else:
        numbers = _KEPT[arithmetic] * (_ENCODINGS * encoded + _DECODINGS * decoded) * pictures
        kept = _KEPT[arithmetic] * seen * pictures
    return round(_PROCESS + _OF_A_WEIGHT * weights + area * (numbers + kept + _JUDGED * judged))


def _given(network: nn.Module, x: Tensor) -> tuple[int, Tensor]:
    """The number of output values of the convolutions of `network` for `x`, and its output."""
    counts: list[int] = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: counts.append(output.numel()))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        given = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts), given


class Timing:
    """Logs how long a run will take: at once if a similar one ran before, and after its own first steps.

    Measured times are kept in `folder`, by the settings that they depend on. No extra steps are computed.
    """

    def __init__(self, settings: TrainSettings, machine: str, folder: Path) -> None:
        self._settings = settings
        self._file = folder / _TIMES
        self._like = digest_document([_shape(settings), machine])[:16]
        self._first = 0
        self._since = 0.0

    def announce(self, memory: int, started_at: int) -> None:
        """Log the estimate before the first step."""
        left = self._settings.iterations - started_at
        # Tied iterations are faster, so they are not timed.
        self._first = max(started_at, self._settings.tied_iterations) + 1
        known = self._known().get(self._like)
        if known is None:
            told = self._first + _TIMED
            time_left = "the time is shown after iteration " + format(told, ",") if left > _TIMED + 1 else ""
        else:
            time_left = f"{in_words(known * left)} at {known:.2f} s each, as measured before"
        words = f"about {memory / 1e9:.1f} GB of memory; {left:,} iterations left; {time_left}"
        _LOG.info(words.rstrip("; "))

    def done(self, iteration: int) -> None:
        """Record that `iteration` (from 0) is done."""
        if iteration + 1 == self._first:
            self._since = time.monotonic()
        if iteration + 1 == self._first + _TIMED and self._since:
            each = (time.monotonic() - self._since) / _TIMED
            left = self._settings.iterations - iteration - 1
            write_json(self._file, self._known() | {self._like: round(each, 4)})
            _LOG.info("%.2f s per iteration: %s left", each, in_words(each * left))

    def _known(self) -> dict[str, float]:
        try:
            known = read_json(self._file)
        except (DusklineError, OSError, json.JSONDecodeError):
            return {}
        return {key: float(value) for key, value in known.items()} if isinstance(known, dict) else {}


def in_words(seconds: float) -> str:
    """A duration in a suitable unit, such as "35 minutes"."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _shape(settings: TrainSettings) -> list[object]:
    """The settings that the time of a step depends on."""
    crop = (settings.crop_height, settings.crop_width, settings.batch, settings.shorter_side)
    terms = (settings.vgg_w > 0, settings.edge_w > 0, settings.autocast, settings.checkpointing)
    return [str(settings.generator), str(settings.discriminator), *crop, *terms]
