"""Python and the libraries: which there are, whether they fit together, and whether a GPU is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.doctor.findings import Finding, ask_process

_OLDEST, _FIRST_TOO_NEW = (3, 11), (3, 13)
# Importing one from a cold disk takes its time.
_IMPORTING = 120
_INSTALL = "install them anew, together: make setup"

_TORCH = """
import json, torch
said = {"version": torch.__version__, "built_for": torch.version.cuda or torch.version.hip, "reason": ""}
try:
    torch.cuda.init()
    said["gpus"] = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    said["gpus"] = [[gpu.name, gpu.total_memory] for gpu in said["gpus"]]
except Exception as error:
    said["gpus"], said["reason"] = [], str(error).strip().splitlines()[0]
try:
    import torchvision
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    said["torchvision"] = torchvision.__version__
except Exception as error:
    said["torchvision"], said["torchvision_error"] = "", str(error).strip().splitlines()[0]
print(json.dumps(said))
"""


def check_python() -> Iterator[Finding]:
    """The running Python, and the one that the stages would be run by."""
    version = ".".join(map(str, sys.version_info[:3]))
    if _OLDEST <= sys.version_info[:2] < _FIRST_TOO_NEW:
        yield Finding("python", "ok", f"{version} in {sys.prefix}")
    else:
        yield Finding(
            "python", "fault", f"{version}, but 3.11 or 3.12 is needed", "make setup PYTHON=python3.12"
        )
    there = shutil.which("python")
    if there is None:
        yield Finding("python", "fault", "`dvc repro` finds no `python` to run stages with", _activate())
        return
    asked = [there, "-c", "import sys; print(sys.prefix)"]
    prefix = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
    if not prefix or not Path(prefix).exists() or not Path(prefix).samefile(sys.prefix):
        yield Finding(
            "python", "fault", f"`dvc repro` would run stages by another python: {there}", _activate()
        )


def _activate() -> str:
    return f"activate this environment: . {sys.prefix}/bin/activate"


def check_libraries() -> Iterator[Finding]:
    """Those beside torch that stages import."""
    names = {
        "cv2": "opencv-python-headless",
        "faiss": "faiss-cpu",
        "dvc": "dvc",
        "dvclive": "dvclive",
        "PIL": "pillow",
    }
    broken = []
    for module, package in names.items():
        # Of dvc and dvclive importing takes seconds, which the checks of DVC itself spend anyway.
        answer = (
            ask_process(["-c", f"import {module}"], _IMPORTING) if module in ("cv2", "faiss", "PIL") else None
        )
        if answer is not None and answer.reason:
            broken.append(f"{package} ({answer.reason})")
        elif _version_of(package) is None:
            broken.append(f"{package} (not installed)")
    if broken:
        yield Finding("libraries", "fault", f"cannot be imported: {', '.join(broken)}", "make setup")
    else:
        yield Finding(
            "libraries", "ok", ", ".join(f"{package} {_version_of(package)}" for package in names.values())
        )


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_torch(device: str) -> Iterator[Finding]:
    """Load torch and torchvision in a process of their own, and hear what they see; `device`: the setting."""
    answer = ask_process(["-c", _TORCH], _IMPORTING)
    if answer.reason:
        yield Finding("torch", "fault", f"cannot be loaded: {answer.reason}", _INSTALL)
        return
    yield from torch_findings(json.loads(answer.text), device)


def torch_findings(said: dict[str, Any], device: str) -> Iterator[Finding]:
    """Judge what the process said of torch."""
    both = f"torch {said['version']}, torchvision {said['torchvision'] or 'missing'}"
    if not said["torchvision"]:
        yield Finding("torch", "fault", f"{both}: {said['torchvision_error']}", _INSTALL)
    elif not _belong_together(said["version"], said["torchvision"]):
        yield Finding("torch", "fault", f"{both}, which do not belong together", _INSTALL)
    else:
        yield Finding("torch", "ok", both)
    if said["gpus"]:
        seen = ", ".join(f"{name} with {memory / 1e9:.0f} GB" for name, memory in said["gpus"])
        unused = "; not used, as device is set to cpu" if device == "cpu" else ""
        yield Finding("gpu", "note" if unused else "ok", seen + unused)
        return
    why = _why_no_gpu(said)
    if device == "cuda":
        yield Finding(
            "gpu",
            "fault",
            f"device is set to cuda, but torch sees no GPU: {why}",
            "mend that, or set device to auto or cpu",
        )
    else:
        yield Finding("gpu", "ok", f"none, networks run on the processors: {why}")


def _belong_together(torch: str, torchvision: str) -> bool:
    """Whether torchvision takes this torch, and both were built for the same processor or GPU."""
    # Its own start-up is spared to commands that do not ask.
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in metadata.requires("torchvision") or ()]
    takes = all(one.specifier.contains(torch, prereleases=True) for one in wanted if one.name == "torch")
    return takes and torch.partition("+")[2] == torchvision.partition("+")[2]


def _why_no_gpu(said: dict[str, Any]) -> str:
    if said["built_for"] is None:
        return "this torch is built for processors only"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides all"
    if not Path("/dev/nvidiactl").exists() and not Path("/dev/kfd").exists():
        return "this machine has no GPU driver"
    return said["reason"] or "the driver offers none"
