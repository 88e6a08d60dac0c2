from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.runtime.errors import BadImageError, ParameterError, SetError
from pipeline.vpr.inputs.preprocessing import read_view
from pipeline.vpr.retrieval.extraction import extract
from tests.vpr.tiny import CPU, Features, picture


class Flat(Features):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flatten(1)


def test_descriptors_come_in_order_with_a_shorter_last_batch() -> None:
    network = Flat()
    found = extract(network, picture, 11, batch=4, device=CPU, workers=2)
    with torch.inference_mode():
        wanted = network.eval()(torch.stack([picture(index) for index in range(11)])).numpy()
    assert found.dtype == np.float32
    assert np.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("workers", [2, 4, 16])
def test_the_number_of_workers_changes_no_bit(workers: int) -> None:
    def uneven(index: int) -> Tensor:
        # Later images of a batch are ready before earlier ones.
        time.sleep(0.002 * (3 - index % 4))
        return picture(index)

    one = extract(Flat(), picture, 19, batch=4, device=CPU, workers=1)
    many = extract(Flat(), uneven, 19, batch=4, device=CPU, workers=workers)
    assert one.tobytes() == many.tobytes()


def test_no_pictures_are_refused() -> None:
    with pytest.raises(SetError, match="no images"):
        extract(Flat(), picture, 0, batch=2, device=CPU, workers=1)


def test_each_module_gets_its_own_mode_back() -> None:
    network = Flat().train()
    network.norm.eval()
    before = network.norm.running_mean.clone()
    extract(network, picture, 3, batch=2, device=CPU, workers=1)
    assert (network.training, network.conv.training, network.norm.training) == (True, True, False)
    assert torch.equal(before, network.norm.running_mean)


def test_an_error_of_the_network_restores_its_mode_and_ends_the_reading() -> None:
    class Failing(Flat):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError(f"no memory for {len(x)} images")

    network, begun = Failing().train(), []
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no memory for 1 images"):
        extract(network, lambda i: begun.append(i) or picture(i), 500, batch=2, device=CPU, workers=2)
    assert network.training
    assert len(begun) <= 6
    assert threading.active_count() == before


def test_a_broken_picture_is_named_and_ends_the_reading() -> None:
    begun: list[int] = []

    def read(index: int) -> Tensor:
        begun.append(index)
        if index == 5:
            return read_view(b"\xff\xd8 no image", 16, 16, "set/images/5.jpg")
        return picture(index)

    before = threading.active_count()
    network = Flat().train()
    with pytest.raises(BadImageError, match=r"set/images/5\.jpg"):
        extract(network, read, 500, batch=2, device=CPU, workers=2)
    assert network.training
    assert max(begun) < 4 + 3 * 2
    assert threading.active_count() == before


def test_reading_is_at_most_two_batches_ahead_of_the_network() -> None:
    begun: list[int] = []

    class Watching(Flat):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0
            self.furthest = 0

        def forward(self, x: Tensor) -> Tensor:
            # Before the first batch one image alone is measured.
            if self.seen or len(x) > 1:
                self.seen += len(x)
                time.sleep(0.01)
                self.furthest = max(self.furthest, len(begun) - self.seen)
            return super().forward(x)

    network = Watching()
    extract(network, lambda i: begun.append(i) or picture(i), 40, batch=3, device=CPU, workers=8)
    assert sorted(begun) == list(range(40))
    assert 0 < network.furthest <= 2 * 3


@pytest.mark.parametrize("batch, workers, name", [(0, 1, "batch"), (2, 0, "workers")])
def test_sizes_below_one_are_refused(batch: int, workers: int, name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} must be at least 1, found 0"):
        extract(Flat(), picture, 3, batch=batch, device=CPU, workers=workers)
