from __future__ import annotations

import torch

from pipeline.compute.device.transfer import to_device


def test_pictures_arrive_as_they_are_with_their_channels_last() -> None:
    pictures = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    arrived = to_device(pictures, torch.device("cpu"))
    assert torch.equal(arrived, pictures)
    assert arrived.is_contiguous(memory_format=torch.channels_last)
