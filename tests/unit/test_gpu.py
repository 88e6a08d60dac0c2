"""What only a GPU can show; run with `pytest -m gpu` where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.golden import CHECKPOINT, arrays
from unit import batches
from unit.batches import UnitBatchTranslator
from unit.translate import UnitSettings, UnitTranslator

pytestmark = pytest.mark.gpu


def days(count: int) -> list[np.ndarray]:
    pixels = arrays("input1_io.npz")["decoded_rgb"]
    return [np.ascontiguousarray(np.roll(pixels, 7 * number, axis=1)) for number in range(count)]


def nights(translator: UnitBatchTranslator, count: int) -> list[np.ndarray]:
    return translator.translate([translator.prepare(pixels) for pixels in days(count)])


def settings(dtype: str) -> UnitSettings:
    return UnitSettings("day2night", 128, "none", "model", "network", dtype)  # type: ignore[arg-type]


def test_float32_is_the_processors_within_a_level() -> None:
    alone = UnitTranslator(CHECKPOINT, settings("float32"))
    translator = UnitBatchTranslator(CHECKPOINT, settings("float32"), "cuda", threads=2)
    for day, night in zip(days(4), nights(translator, 4), strict=True):
        assert np.abs(night.astype(int) - alone(day)).max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_neighbours_and_compilation_change_a_level_at_most(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    translator = UnitBatchTranslator(CHECKPOINT, settings(dtype), "cuda", threads=2)
    together = nights(translator, 4)
    alone = [translator.translate([translator.prepare(day)])[0] for day in days(4)]
    monkeypatch.setattr(batches, "_COMPILE_AFTER", 0)
    translator.batch = 4
    compiled = nights(translator, 4)
    for others in (alone, compiled):
        for one, other in zip(together, others, strict=True):
            assert np.abs(one.astype(int) - other).max() <= 1


def test_the_half_type_is_near() -> None:
    translator = UnitBatchTranslator(CHECKPOINT, settings("auto"), "cuda", threads=2)
    alone = UnitTranslator(CHECKPOINT, settings("float32"))
    for day, night in zip(days(2), nights(translator, 2), strict=True):
        error = (night.astype(float) - alone(day)) / 255
        assert -10 * np.log10(np.square(error).mean()) > 40


def test_a_batch_beyond_the_memory_is_halved() -> None:
    free, _ = torch.cuda.mem_get_info()
    translator = UnitBatchTranslator(CHECKPOINT, settings("float32"), "cuda", threads=2)
    wanted = nights(translator, 4)
    held = torch.empty(free - (1 << 28), dtype=torch.uint8, device="cuda")
    translator.batch = 256
    found = nights(translator, 256)[:4]
    del held
    assert translator.batch < 256
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
