from __future__ import annotations

import pytest
import torch

from pipeline.vpr.models.precision import autocast


@pytest.mark.parametrize("numbers", ["off", "bfloat16"])
def test_no_gpu_rounds_what_is_called_float32(numbers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    with autocast(torch.device("cpu"), numbers):
        assert not torch.backends.cudnn.allow_tf32
