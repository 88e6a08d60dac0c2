"""Python, libraries and GPUs as they are here, and what is said where they are otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.doctor import programs
from pipeline.doctor.findings import Answer, Finding
from pipeline.doctor.programs import (
    check_libraries,
    check_python,
    check_torch,
    torch_findings,
)

SAID: dict[str, Any] = {
    "version": "2.15.0",
    "built_for": None,
    "torchvision": "0.29.0",
    "gpus": [],
    "reason": "",
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
    assert (found.grade, found.found) == ("fault", f"`dvc repro` would run stages by another python: {other}")
    assert "/bin/activate" in found.advice


def test_no_python_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(check_python())[-1].found == "`dvc repro` finds no `python` to run stages with"


def test_a_python_too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_FIRST_TOO_NEW", sys.version_info[:2])
    found = next(iter(check_python()))
    assert found.grade == "fault"
    assert "3.11 or 3.12 is needed" in found.found


def test_the_libraries_are_here() -> None:
    [found] = check_libraries()
    assert found.grade == "ok"
    for package in ("opencv-python-headless", "faiss-cpu", "dvc"):
        assert package in found.found


def test_libraries_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ask_process", lambda *_: Answer(reason="ImportError: libGL.so.1"))
    [found] = check_libraries()
    assert (found.grade, found.advice) == ("fault", "make setup")
    assert "opencv-python-headless (ImportError: libGL.so.1)" in found.found


@pytest.mark.slow
def test_torch_is_here_and_torchvision_belongs_to_it() -> None:
    torch, gpu = check_torch("auto")
    assert torch.grade == "ok", torch.found
    assert (gpu.subject, gpu.grade) == ("gpu", "ok")


def test_a_torch_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ask_process", lambda *_: Answer(reason="ImportError: libcudart"))
    [found] = check_torch("auto")
    assert (found.grade, found.found) == ("fault", "cannot be loaded: ImportError: libcudart")


def test_a_pair_that_does_not_belong_together() -> None:
    found = _torch(version="2.15.0+cu132", torchvision="0.29.0+cpu")[0]
    assert found.grade == "fault"
    assert "which do not belong together" in found.found
    assert _torch(version="1.0.0")[0].grade == "fault"
    assert _torch()[0].grade == "ok"


def test_a_torchvision_that_breaks() -> None:
    found = _torch(torchvision="", torchvision_error="operator torchvision::nms does not exist")[0]
    assert found.grade == "fault"
    assert "torchvision missing: operator torchvision::nms does not exist" in found.found


def test_a_gpu_is_named() -> None:
    found = _torch(gpus=[["H100", 80 * 10**9]])[1]
    assert (found.grade, found.found) == ("ok", "H100 with 80 GB")
    unused = _torch("cpu", gpus=[["H100", 80 * 10**9]])[1]
    assert (unused.grade, unused.found) == ("note", "H100 with 80 GB; not used, as device is set to cpu")


def test_cuda_asked_for_without_a_gpu_is_a_fault() -> None:
    found = _torch("cuda")[1]
    assert (found.grade, found.advice) == ("fault", "mend that, or set device to auto or cpu")
    assert (
        found.found == "device is set to cuda, but torch sees no GPU: this torch is built for processors only"
    )
    assert _torch("auto")[1].grade == "ok"


def test_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES='' hides all" in _torch(built_for="13.2")[1].found
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    driver = Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()
    why = "driver too old" if driver else "this machine has no GPU driver"
    assert why in _torch(built_for="13.2", reason="driver too old")[1].found
