"""The translator of a GPU, run here on the processor: the same code but for where its images lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.night.records.translator import BatchTranslator
from pipeline.runtime.errors import DusklineError
from tests.unit.golden import CHECKPOINT, arrays
from unit.network.settings import UnitSettings
from unit.translation import batches
from unit.translation.batches import UnitBatchTranslator
from unit.translation.translate import Prepared, UnitTranslator

SETTINGS = UnitSettings("day2night", 64, "minmax", "source", "network", "float32")


@pytest.fixture
def translator() -> UnitBatchTranslator:
    return UnitBatchTranslator(CHECKPOINT, SETTINGS, "cpu", threads=2)


def days(count: int) -> list[np.ndarray]:
    """Images of one size, each with other pixels."""
    pixels = arrays("input1_io.npz")["decoded_rgb"]
    return [np.ascontiguousarray(np.roll(pixels, 7 * number, axis=1)) for number in range(count)]


def nights(translator: UnitBatchTranslator, pictures: list[np.ndarray]) -> list[np.ndarray]:
    prepared = [translator.prepare(pixels) for pixels in pictures]
    made = translator.translate(prepared)
    return [translator.finish(night, picture) for night, picture in zip(made, prepared, strict=True)]


def test_workers_know_it_by_its_batches(translator: UnitBatchTranslator) -> None:
    assert isinstance(translator, BatchTranslator)
    assert not isinstance(UnitTranslator(CHECKPOINT, SETTINGS), BatchTranslator)


def test_a_batch_is_within_a_level_of_one_at_a_time(translator: UnitBatchTranslator) -> None:
    alone = UnitTranslator(CHECKPOINT, SETTINGS)
    for day, night in zip(days(5), nights(translator, days(5)), strict=True):
        wanted = alone(day)
        assert night.shape == day.shape
        assert np.abs(night.astype(int) - wanted).max() <= 1


class Small(torch.nn.Module):
    """A network on a device whose memory holds `room` images at once."""

    def __init__(self, network: torch.nn.Module, room: int) -> None:
        super().__init__()
        self.network = network
        self.room = room
        self.tried: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.tried.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        y: Tensor = self.network(x)
        return y


def test_a_batch_that_does_not_fit_is_halved_for_good(translator: UnitBatchTranslator) -> None:
    wanted = nights(translator, days(7))
    small = Small(translator.network, room=2)
    translator.network = small  # type: ignore[assignment]
    found = nights(translator, days(7))
    assert small.tried == [7, 4, 2, 2, 3, 2, 1]
    assert translator.batch == 2
    assert all(np.abs(one.astype(int) - other).max() <= 1 for one, other in zip(found, wanted, strict=True))


def test_a_picture_that_does_not_fit_alone_is_named(translator: UnitBatchTranslator) -> None:
    translator.network = Small(translator.network, room=0)  # type: ignore[assignment]
    with pytest.raises(
        DusklineError, match="memory of cpu is too small for an image of 85x64 pixels"
    ) as caught:
        nights(translator, days(1))
    assert "DUSKLINE_DEVICE=cpu" in caught.value.hint


@pytest.mark.slow
def test_the_compiled_network_is_within_a_level(
    translator: UnitBatchTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = nights(translator, days(2))
    monkeypatch.setattr(batches, "_COMPILE_AFTER", 0)
    translator.batch = 2
    pictures = [translator.prepare(pixels) for pixels in days(2)]
    calls: list[int] = []
    # A break in the graph would be an error.
    compiled = torch.compile(translator.network, dynamic=False, fullgraph=True)

    def counted(x: Tensor) -> Tensor:
        calls.append(len(x))
        y: Tensor = compiled(x)
        return y

    translator._compiled = counted  # type: ignore[assignment]
    monkeypatch.setattr(translator, "_compiles", True)
    found = [translator.finish(n, p) for n, p in zip(translator.translate(pictures), pictures, strict=True)]
    assert calls == [2]
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_pictures_of_one_shape_can_share_a_batch(translator: UnitBatchTranslator) -> None:
    wide, tall = np.zeros((30, 60, 3), np.uint8), np.zeros((60, 30, 3), np.uint8)
    shapes = [translator.prepare(pixels).shape for pixels in (wide, tall, wide[:, ::2].repeat(2, 1))]
    assert shapes[0] == shapes[2] != shapes[1]
    assert Prepared(torch.zeros(3, 4, 5), (1, 1)).shape == (3, 4, 5)


def test_without_a_compiler_it_goes_on_as_it_was(
    translator: UnitBatchTranslator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = nights(translator, days(2))

    def broken(_: Tensor) -> Tensor:
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(batches, "_COMPILE_AFTER", 0)
    translator.batch, translator._compiles, translator._compiled = 2, True, broken  # type: ignore[assignment]
    for _ in range(2):
        assert all(map(np.array_equal, nights(translator, days(2)), wanted))
    assert [record.getMessage() for record in caplog.records] == [
        "continuing without torch.compile: RuntimeError: Failed to find C compiler"
    ]
