from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from pipeline.compute.device.precision import autocast, device_of, numbers_of, resolve
from pipeline.runtime.errors import ParameterError

CPU = torch.device("cpu")


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
    assert device_of("auto").type == "cpu"
    for refused in (device_of, lambda device: resolve("auto", device)):
        with pytest.raises(ParameterError, match="device is cuda, but torch finds no CUDA device"):
            refused("cuda")


@pytest.mark.parametrize(("bfloat16", "wanted"), [(True, "cuda-bfloat16"), (False, "cuda-float16")])
def test_a_gpu_takes_the_half_type_that_it_has(
    monkeypatch: pytest.MonkeyPatch, bfloat16: bool, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
    assert device_of("auto").type == "cuda"
    assert resolve("auto", "cuda").path.startswith(f"{wanted}, torch ")
    assert resolve("float32", "cuda").path.startswith("cuda-float32, torch ")


def test_auto_trains_in_bfloat16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch)
    assert [numbers_of(CPU, wish) for wish in ("auto", "off", "bfloat16")] == [
        "off",
        "off",
        "bfloat16",
    ]
    processor(monkeypatch, avx512_bf16=True)
    assert [numbers_of(CPU, wish) for wish in ("auto", "off")] == ["bfloat16", "off"]


@pytest.mark.parametrize(("bfloat16", "wanted"), [(True, "bfloat16"), (False, "off")])
def test_auto_trains_on_a_gpu_in_bfloat16_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, bfloat16: bool, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)
    assert numbers_of(torch.device("cuda"), "auto") == wanted


@pytest.mark.parametrize(
    "ask",
    [
        lambda: autocast(CPU, "off"),
        lambda: autocast(CPU, "bfloat16"),
        lambda: numbers_of(CPU, "off"),
        lambda: numbers_of(CPU, "auto"),
        lambda: resolve("float32", "cpu"),
    ],
)
def test_no_gpu_rounds_what_is_called_float32(
    ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    ask()
    assert not torch.backends.cudnn.allow_tf32
