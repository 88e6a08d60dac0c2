"""The modules that dvc.yaml must name for each stage; `python -m tests.stage_modules` writes them into it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.import_graph import ROOT, modules_used

# Modules that cannot change a byte of any output, with the reason.
EXEMPT = {
    "stages/__init__.py": "looks whether the environment is the right one",
    "stages/command.py": "prints, locks and turns errors into exit codes",
    "pipeline/compute/resources/worker_pool.py": "who does the work, not what",
    "pipeline/compute/resources/actors.py": "where work is asked for and answered, not what",
    "stages/known_names.py": "what a shell completes",
    "stages/options.py": "refuses values out of range, and prints help",
    "pipeline/compute/resources/cluster.py": "where work is done, not what",
    "pipeline/compute/resources/memory.py": "refuses what would not fit",
    "pipeline/runtime/field_docs.py": "help and docs",
    "pipeline/runtime/errors.py": "messages",
    "pipeline/runtime/process_lock.py": "locks",
    "pipeline/runtime/signals.py": "how a command ends that is interrupted",
    "pipeline/runtime/logging_setup.py": "how much is said",
    "pipeline/runtime/memory.py": "how much memory there is, and when it is given back",
    "pipeline/runtime/machine.py": "machine settings, which may not change an output",
    "pipeline/compute/resources/peak_memory.py": "how much memory a run took, for estimates of the next one",
    "pipeline/runtime/progress.py": "bars on the terminal",
    "pipeline/runtime/stage_outs.py": "where a stage writes, to measure it",
    "pipeline/compute/resources/timings.py": "how long a run took, for estimates of the next one",
    "pipeline/runtime/ranges.py": "refuses values out of range",
}

DVC_YAML = ROOT / "dvc.yaml"


def stages() -> list[str]:
    """Names of the stages in dvc.yaml."""
    return list(yaml.safe_load(DVC_YAML.read_text())["stages"])


def named_modules(stage: str) -> list[str]:
    """The modules that dvc.yaml names for a stage."""
    body = yaml.safe_load(DVC_YAML.read_text())["stages"][stage]
    return [dep for dep in body.get("do", body)["deps"] if dep.endswith(".py")]


def used_modules(stage: str) -> list[str]:
    """The modules that a stage uses by the import graph: its own first, the others sorted."""
    own = f"stages/{stage}.py"
    used = {module.as_posix() for module in modules_used(Path(own))}
    return [own, *sorted(used - set(EXEMPT) - {own})]


def write_modules() -> None:
    """Replace the modules in every stage's deps; everything else in dvc.yaml stays as it is."""
    text = DVC_YAML.read_text()
    for stage in stages():
        # Stages of a matrix are written without `do`, one step less deep.
        lines = "".join(f"\\g<1>- {module}\n" for module in used_modules(stage))
        text = re.sub(rf"( +)- stages/{stage}\.py\n(\1- (pipeline|unit|stages)/\S+\.py\n)*", lines, text)
    DVC_YAML.write_text(text)


if __name__ == "__main__":
    write_modules()
