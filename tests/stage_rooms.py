"""The rooms that dvc.yaml must name for each stage; `python -m tests.stage_rooms` writes them into it.

A room is a folder of modules, whose other files (templates, tables) belong to it; each stage's own module and
its helpers in stages/ are named one by one.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.import_graph import ROOT, is_only_docstring, modules_used, project_modules

# What cannot change a byte of any output, with the reason.
EXEMPT = {
    "pipeline/runtime": "how a run goes and what it says: errors, locks, signals, logging, progress",
    "pipeline/compute/resources": "who does the work and what it takes, not what is done",
    "stages/__init__.py": "looks whether the environment is the right one",
    "stages/command.py": "prints, locks and turns errors into exit codes",
    "stages/known_names.py": "what a shell completes",
    "stages/options.py": "refuses values out of range, and prints help",
}

DVC_YAML = ROOT / "dvc.yaml"


def stages() -> list[str]:
    """Names of the stages in dvc.yaml."""
    return list(yaml.safe_load(DVC_YAML.read_text())["stages"])


def room_of(module: Path) -> str:
    """The folder that a stage names for the module; of stages/ the module itself."""
    if module.parts[0] == "stages":
        return module.as_posix()
    # The city is drawn as a whole, by one stage.
    is_whole = module.parts[:2] == ("pipeline", "city")
    depth = 3 if module.parts[0] == "pipeline" and not is_whole else 2
    return "/".join(module.parent.parts[:depth])


def named_rooms(stage: str) -> list[str]:
    """The rooms that dvc.yaml names for a stage."""
    body = yaml.safe_load(DVC_YAML.read_text())["stages"][stage]
    rooms = {room_of(module) for module in project_modules()}
    return [dep for dep in body.get("do", body)["deps"] if dep in rooms]


def used_rooms(stage: str) -> list[str]:
    """The rooms that a stage uses by the import graph: its own module first, the others sorted."""
    own = f"stages/{stage}.py"
    used = {room_of(module) for module in modules_used(Path(own))}
    return [own, *sorted(used - set(EXEMPT) - {own})]


def needless_modules(stage: str) -> list[str]:
    """The modules of the stage's rooms that it does not use: an edit of one runs it again for nothing."""
    named, used = set(named_rooms(stage)), modules_used(Path(f"stages/{stage}.py"))
    return [
        module.as_posix()
        for module in project_modules()
        if room_of(module) in named and module not in used and not is_only_docstring(module)
    ]


def write_rooms() -> None:
    """Replace the rooms in every stage's deps; everything else in dvc.yaml stays as it is."""
    text = DVC_YAML.read_text()
    for stage in stages():
        # Stages of a matrix are written without `do`, one step less deep.
        lines = "".join(f"\\g<1>- {room}\n" for room in used_rooms(stage))
        code = r"((pipeline|unit|stages)/(?!\S*\$)\S+|pipeline/core)"
        text = re.sub(rf"( +)- stages/{stage}\.py\n(\1- {code}\n)*", lines, text)
    DVC_YAML.write_text(text)


if __name__ == "__main__":
    write_rooms()
