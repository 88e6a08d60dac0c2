"""Exported models in a process that finds torch, timm and what these need, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.vpr.experiments.experiment import HUB, MODEL
from pipeline.vpr.experiments.torch_hub import load_hub_model
from pipeline.vpr.export.export_model import export_model
from pipeline.vpr.models.descriptor_model import load_model
from tests.vpr.export.models import adapt_hub_model, gem, settings_of, write_hub_model, write_model

pytestmark = pytest.mark.slow

SCRIPT = """
import json, sys, sysconfig
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

known = json.loads(sys.argv[1])
FOUND = {*sys.stdlib_module_names, sysconfig._get_sysconfigdata_name(), *known["found"]}


class OnlyThese(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return super().find_spec(name, path, target) if name.partition(".")[0] in FOUND else None


sys.meta_path[:] = [BuiltinImporter, FrozenImporter, OnlyThese]
for name in known["hidden"]:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{name} is found")

import torch

torch.set_num_threads(known["threads"])
pictures = torch.load("pictures.pt", weights_only=True)
for folder, entry, arguments in known["models"]:
    model = torch.hub.load(folder, entry, source="local", **arguments)
    with torch.inference_mode():
        found = model(pictures)
    print(entry, torch.equal(found, torch.load(f"{entry}.pt", weights_only=True)), tuple(found.shape))
"""
HIDDEN = ("pipeline", "unit", "stages", "tests", "cv2", "faiss", "dvc", "scipy", "simplejpeg")


def modules_of(*distributions: str) -> set[str]:
    """Modules that come with distributions and all that these need."""
    waiting, known = [*distributions], set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in known:
            known.add(name)
            wanted = (Requirement(line) for line in requires(name) or ())
            waiting += [one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
    return {
        module
        for module, owners in packages_distributions().items()
        if known & {canonicalize_name(owner) for owner in owners}
    }


def test_they_give_the_same_numbers_with_torch_and_timm_only(tmp_path: Path) -> None:
    pictures = torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(3))
    torch.save(pictures, tmp_path / "pictures.pt")
    models = {
        "of_torchvision": settings_of("resnet18conv4"),
        "of_timm": settings_of("tf_efficientnet_lite0", stride=16, **gem()),
        "of_both": settings_of(
            "resnet10t", stride=16, second_backbone="resnet18conv4", ensemble="addition", **gem()
        ),
    }
    for name, settings in models.items():
        write_model(tmp_path / name, settings)
    colours = tmp_path / "colours"
    adapt_hub_model(write_hub_model(tmp_path / "of_others", colours))
    asked = []
    for name in [*models, "of_others"]:
        model = tmp_path / name
        network = load_model(model / MODEL)[0] if name in models else load_hub_model(model / HUB)
        with torch.inference_mode():
            torch.save(network.eval()(pictures), tmp_path / f"{name}.pt")
        export_model(model, tmp_path / "none", tmp_path / "out" / name)
        arguments = {} if name in models else {"repository": str(colours)}
        asked.append((str(tmp_path / "out" / name), name, arguments))
    known = {
        "found": sorted(modules_of("torch", "timm") | {"made_up_layers", "hubconf"}),
        "hidden": HIDDEN,
        "threads": torch.get_num_threads(),
        "models": asked,
    }
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, json.dumps(known)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "of_torchvision True (2, 768)",
        "of_timm True (2, 112)",
        "of_both True (2, 256)",
        "of_others True (2, 48)",
    ]
