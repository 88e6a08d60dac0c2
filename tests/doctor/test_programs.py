"""Python, libraries and GPUs as they are here, and what is said where they are otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.doctor import programs
from pipeline.doctor.findings import Finding, NoAnswerError, fault, note, ok
from pipeline.doctor.programs import (
    check_libraries,
    check_python,
    check_torch,
    torch_findings,
)

SAID: dict[str, Any] = {
    "version": "2.15.0",
    "torchvision": "0.29.0",
    "gpus": [],
    "no_gpu": "no driver",
    "error": "",
}


def _torch(device: str = "auto", **changes: Any) -> list[Finding]:
    return list(torch_findings({**SAID, **changes}, device))


def test_this_python_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert [finding.grade for finding in check_python()] == ["ok"]


def test_another_python_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho /usr\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = list(check_python())[-1]
    assert (found.grade, found.found) == (
        "fault",
        f"`dvc repro` would run stages with another python: {other}",
    )
    assert "/bin/activate" in found.advice


def test_no_python_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(check_python())[-1].found == "`dvc repro` finds no `python` to run stages with"


def test_the_libraries_are_here() -> None:
    [found] = check_libraries()
    assert found.grade == "ok"
    for package in ("opencv-python-headless", "faiss-cpu", "dvc"):
        assert package in found.found


def _refuse(*_: str, seconds: float) -> str:
    raise NoAnswerError("ImportError: libGL.so.1")


def test_libraries_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ask_process", _refuse)
    monkeypatch.setitem(programs._LIBRARIES, "no such library", "")
    [found] = check_libraries()
    assert (found.grade, found.advice) == ("fault", "make setup")
    assert "opencv-python-headless (ImportError: libGL.so.1)" in found.found
    assert "no such library (not installed)" in found.found
    assert list(check_torch("auto")) == [
        fault("cannot be loaded: ImportError: libGL.so.1", "install them again, together: make setup")
    ]


@pytest.mark.slow
def test_torch_is_here_and_torchvision_belongs_to_it() -> None:
    torch, gpu = check_torch("auto")
    assert torch.grade == "ok", torch.found
    assert "GPU" in gpu.found


def test_a_torchvision_that_breaks() -> None:
    found = _torch(error="operator torchvision::nms does not exist")[0]
    assert found.grade == "fault"
    assert found.found == "torch 2.15.0, torchvision 0.29.0: operator torchvision::nms does not exist"


def test_a_gpu_is_named() -> None:
    assert _torch(gpus=[["H100", 80 * 10**9]])[1] == ok("GPU: H100 with 80 GB")
    unused = _torch("cpu", gpus=[["H100", 80 * 10**9]])[1]
    assert unused == note("GPU: H100 with 80 GB; not used, because device is cpu")


def test_cuda_asked_for_without_a_gpu_is_a_fault() -> None:
    assert _torch("cuda")[1] == fault(
        "device is set to cuda, but torch sees no GPU: no driver", "fix that, or set device to auto or cpu"
    )
    assert _torch("auto")[1].grade == "ok"
