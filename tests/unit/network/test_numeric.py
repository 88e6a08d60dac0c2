from __future__ import annotations

import pytest
import torch

from pipeline.runtime.errors import ParameterError
from unit.network import numeric
from unit.network.numeric import chosen_device, resolve, resolved_autocast


def processor(monkeypatch: pytest.MonkeyPatch, *, amx: bool = False, avx512_bf16: bool = False) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


@pytest.mark.parametrize(
    ("has", "wish", "path"),
    [
        ({}, "auto", "cpu-avx2-float32"),
        ({}, "bfloat16", "cpu-avx2-bfloat16"),
        ({"avx512_bf16": True}, "auto", "cpu-avx512_bf16-bfloat16"),
        ({"avx512_bf16": True}, "float32", "cpu-avx2-float32"),
        ({"avx512_bf16": True, "amx": True}, "auto", "cpu-amx-bfloat16"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], wish: str, path: str
) -> None:
    processor(monkeypatch, **has)
    found = resolve(wish, "cpu")
    assert found.path.startswith(f"{path}, torch {torch.__version__.partition('+')[0]}, Pillow ")
    assert str(found.dtype) == f"torch.{path.rpartition('-')[2]}"


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == "cpu"
    with pytest.raises(ParameterError, match="device is cuda, but torch finds no CUDA device"):
        resolve("auto", chosen_device("cuda"))


@pytest.mark.parametrize(("bfloat16", "wanted"), [(True, "cuda-bfloat16"), (False, "cuda-float16")])
def test_a_gpu_takes_the_half_type_that_it_has(
    monkeypatch: pytest.MonkeyPatch, bfloat16: bool, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
    assert chosen_device("auto") == "cuda"
    assert numeric.resolve("auto", "cuda").path.startswith(f"{wanted}, torch ")
    assert numeric.resolve("float32", "cuda").path.startswith("cuda-float32, torch ")


def test_auto_trains_in_bfloat16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch)
    assert [resolved_autocast(wish, "cpu") for wish in ("auto", "off", "bfloat16")] == [
        "off",
        "off",
        "bfloat16",
    ]
    processor(monkeypatch, avx512_bf16=True)
    assert [resolved_autocast(wish, "cpu") for wish in ("auto", "off")] == ["bfloat16", "off"]


@pytest.mark.parametrize(("bfloat16", "wanted"), [(True, "bfloat16"), (False, "off")])
def test_auto_trains_on_a_gpu_in_bfloat16_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, bfloat16: bool, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
    assert resolved_autocast("auto", "cuda") == wanted


@pytest.mark.parametrize("wish", ["off", "bfloat16", "auto"])
def test_no_gpu_rounds_a_training_in_float32(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    resolved_autocast(wish, "cpu")  # type: ignore[arg-type]
    assert not torch.backends.cudnn.allow_tf32
