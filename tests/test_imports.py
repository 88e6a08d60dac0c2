"""The rooms of the house: who may import whom, and where torch may be loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import ROOT, direct_imports, imported_names, modules_used, project_modules

TORCHLESS_ROOMS = (
    *("pipeline/core", "pipeline/runtime", "pipeline/city", "pipeline/datasets", "pipeline/night"),
    *("pipeline/forecast", "pipeline/doctor"),
)
UNIT_MAY_USE = ("core", "runtime", "compute")
BELOW = {
    ("pipeline", "runtime"): ("runtime",),
    ("pipeline", "core"): ("core", "runtime"),
    ("pipeline", "compute"): ("core", "runtime", "compute"),
}
TORCHLESS_STAGES = ("fetch", "format", "image_lists", "photometric", "merge", "apart", "select", "experiment")
HEAVY = ("torch", "torchvision")


def loads_torch(module: Path, *, at_import_only: bool) -> bool:
    names = imported_names(module, at_import_only=at_import_only)
    return any(name.split(".")[0] in HEAVY for name in names)


def room(module: Path) -> str:
    return module.parts[0]


@pytest.mark.parametrize("module", project_modules(), ids=str)
def test_rooms_import_only_what_lies_below_them(module: Path) -> None:
    allowed = {
        "stages": {"stages", "pipeline", "unit"},
        "pipeline": {"pipeline"},
        "unit": {"unit", "pipeline"},
    }
    for imported in direct_imports(module):
        assert room(imported) in allowed[room(module)], f"{module} imports {imported}"
        below = BELOW.get(module.parts[:2], UNIT_MAY_USE if room(module) == "unit" else None)
        if below is not None and room(imported) == "pipeline":
            assert imported.parts[1] in {*below, "__init__.py"}, f"{module} imports {imported}"


@pytest.mark.parametrize(
    "module", [path for path in project_modules() if str(path).startswith(TORCHLESS_ROOMS)], ids=str
)
def test_rooms_without_torch_never_import_it(module: Path) -> None:
    assert not loads_torch(module, at_import_only=False)


@pytest.mark.parametrize("stage", TORCHLESS_STAGES)
def test_stages_without_torch_reach_no_module_that_imports_it(stage: str) -> None:
    offenders = [
        module
        for module in modules_used(Path("stages", f"{stage}.py"))
        if loads_torch(module, at_import_only=False)
    ]
    assert offenders == []


# No command: doctor imports it when all else has been looked at.
NO_COMMAND = Path("stages/sections.py")
COMMANDS = [path for path in project_modules() if room(path) == "stages" and path != NO_COMMAND]


@pytest.mark.parametrize("module", COMMANDS, ids=str)
def test_importing_a_command_does_not_load_torch(module: Path) -> None:
    offenders = [
        used for used in modules_used(module, at_import_only=True) if loads_torch(used, at_import_only=True)
    ]
    assert offenders == [], f"importing {module} loads torch through {offenders}"


def test_no_command_loads_torch_before_it_runs() -> None:
    modules = [".".join(path.with_suffix("").parts) for path in COMMANDS]
    script = f"import sys\nimport {', '.join(modules)}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_neither_ray_nor_timm_is_loaded_unless_asked_for() -> None:
    script = """
import sys
import pipeline.night.engine.translate_set, pipeline.vpr.evaluation.evaluation, pipeline.vpr.training.training
from pipeline.vpr.models.backbones import build_backbone
build_backbone("resnet18conv4", "none", "all")
sys.exit(bool({"ray", "timm"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
