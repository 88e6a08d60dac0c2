"""Checks Python and the libraries: versions, whether they work together, and whether torch sees a GPU."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.doctor.findings import Finding, NoAnswerError, ask_process, fault, note, ok

# Seconds: importing one from a cold disk takes its time.
_IMPORTING = 120
_INSTALL = "install them again, together: make setup"
# Libraries beside torch that stages import, by package. Importing dvc and dvclive takes seconds, and the
# checks of DVC import them anyway.
_LIBRARIES = {
    "opencv-python-headless": "cv2",
    "faiss-cpu": "faiss",
    "pillow": "PIL",
    "dvc": "",
    "dvclive": "",
}

_TORCH = """
import json, torch
said = {"version": torch.__version__, "torchvision": "missing", "gpus": [], "no_gpu": "", "error": ""}
try:
    torch.cuda.init()
    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    said["gpus"] = [[gpu.name, gpu.total_memory] for gpu in gpus]
except Exception as error:
    said["no_gpu"] = str(error).strip().splitlines()[0]
try:
    import torchvision
    said["torchvision"] = torchvision.__version__
    # Breaks when it was built for another torch.
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except Exception as error:
    said["error"] = str(error).strip().splitlines()[0]
print(json.dumps(said))
"""


def check_python() -> Iterator[Finding]:
    """The running Python, and the one that would run the stages."""
    advice = f"activate this environment: . {sys.prefix}/bin/activate"
    there = shutil.which("python")
    if there is None:
        yield fault("`dvc repro` finds no `python` to run stages with", advice)
        return
    asked = [there, "-c", "import sys; print(sys.prefix)"]
    prefix = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
    if prefix and Path(prefix).exists() and Path(prefix).samefile(sys.prefix):
        yield ok(f"{'.'.join(map(str, sys.version_info[:3]))} in {sys.prefix}")
    else:
        yield fault(f"`dvc repro` would run stages with another python: {there}", advice)


def check_libraries() -> Iterator[Finding]:
    """Whether the libraries beside torch are installed and can be imported."""
    versions, broken = [], []
    for package, module in _LIBRARIES.items():
        try:
            versions.append(f"{package} {metadata.version(package)}")
            if module:
                ask_process("-c", f"import {module}", seconds=_IMPORTING)
        except metadata.PackageNotFoundError:
            broken.append(f"{package} (not installed)")
        except NoAnswerError as error:
            broken.append(f"{package} ({error})")
    if broken:
        yield fault(f"cannot be imported: {', '.join(broken)}", "make setup")
    else:
        yield ok(", ".join(versions))


def check_torch(device: str) -> Iterator[Finding]:
    """Load torch and torchvision in a separate process and check them; `device`: the setting."""
    try:
        yield from torch_findings(json.loads(ask_process("-c", _TORCH, seconds=_IMPORTING)), device)
    except NoAnswerError as error:
        yield fault(f"cannot be loaded: {error}", _INSTALL)


def torch_findings(said: Mapping[str, Any], device: str) -> Iterator[Finding]:
    """Findings about torch and GPUs, from the report of that process."""
    both = f"torch {said['version']}, torchvision {said['torchvision']}"
    yield fault(f"{both}: {said['error']}", _INSTALL) if said["error"] else ok(both)
    if said["gpus"]:
        seen = ", ".join(f"{name} with {memory / 1e9:.0f} GB" for name, memory in said["gpus"])
        yield (
            note(f"GPU: {seen}; not used, because device is cpu") if device == "cpu" else ok(f"GPU: {seen}")
        )
    elif device == "cuda":
        found = f"device is set to cuda, but torch sees no GPU: {said['no_gpu']}"
        yield fault(found, "fix that, or set device to auto or cpu")
    else:
        yield ok(f"no GPU, networks run on the CPU: {said['no_gpu']}")
