from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import pytest
import torch

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors


def saved(value: object) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(saved({"weights": torch.arange(4.0), "history": [{"loss": 0.5}]}))
    found = load_tensors(path)
    assert torch.equal(found["weights"], torch.arange(4.0))
    assert found["history"] == [{"loss": 0.5}]


class Code:
    """Would make a folder if it was unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


def test_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pt").write_bytes(saved(Code()))
    with pytest.raises(DAMAGE):
        load_tensors(Path("a.pt"))
    assert not Path("ran").exists()


@pytest.mark.parametrize("form", ["cut", "zeros", "empty", "text"])
def test_damage_of_any_kind_is_one_of_its_errors(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.pt"
    whole = saved({"weights": torch.arange(1000.0)})
    for size in range(0, len(whole), 97):
        made = {"cut": whole[:size], "zeros": bytes(size), "empty": b"", "text": b"<html>"[:size]}
        path.write_bytes(made[form])
        with pytest.raises(DAMAGE):
            load_tensors(path)


def test_of_an_error_the_first_line_is_told_or_else_its_name() -> None:
    assert first_line(RuntimeError("It is cut off.\nIn file a.cpp")) == "It is cut off"
    assert first_line(EOFError()) == "EOFError"
    assert first_line(KeyError(101)) == "KeyError: 101"


def test_of_what_is_no_tensors_torchs_advice_to_open_it_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(saved(Code()))
    (tmp_path / "b.pt").write_bytes(b"<html>")
    code = f"it asks for {os.mkdir.__module__}.mkdir"
    for name, said in (("a.pt", code), ("b.pt", "it holds no plain tensors")):
        with pytest.raises(pickle.UnpicklingError) as caught:
            load_tensors(tmp_path / name)
        assert first_line(caught.value) == said
