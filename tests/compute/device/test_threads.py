from __future__ import annotations

import pytest
import torch

from pipeline.compute.device.threads import threads_within


def test_the_number_of_threads_comes_back_also_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), threads_within(before + 2):
        assert torch.get_num_threads() == before + 2
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before
