"""dvc.yaml against the code: every stage names exactly the modules it uses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.import_graph import ROOT, modules_used

# Modules that cannot change a byte of any output, with the reason.
EXEMPT = {
    "stages/command.py": "prints, locks and turns errors into exit codes",
    "pipeline/core/errors.py": "messages",
    "pipeline/core/guard.py": "locks",
    "pipeline/core/machine.py": "machine settings, which may not change an output",
    "pipeline/core/progress.py": "bars on the terminal",
}

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_deps(stage: str) -> list[str]:
    body = STAGES[stage].get("do", STAGES[stage])
    return [dep for dep in body["deps"] if dep.endswith(".py")]


@pytest.mark.parametrize("stage", STAGES)
def test_stage_names_the_modules_it_uses(stage: str) -> None:
    used = {module.as_posix() for module in modules_used(Path("stages", f"{stage}.py"))} - set(EXEMPT)
    expected = [f"stages/{stage}.py", *sorted(used - {f"stages/{stage}.py"})]
    listing = "\n".join(f"      - {dep}" for dep in expected)
    assert module_deps(stage) == expected, f"the modules of {stage} in dvc.yaml should be\n{listing}"


@pytest.mark.parametrize("stage", STAGES)
def test_stage_command_is_one_simple_command(stage: str) -> None:
    # Dying with the parent works only if the shell replaces itself by the command.
    command = STAGES[stage].get("do", STAGES[stage])["cmd"]
    assert command.startswith(f"python -m stages.{stage} ")
    assert not any(sign in command for sign in ("&&", ";", "|", ">", "\n"))


def test_exempt_modules_exist() -> None:
    assert [module for module in EXEMPT if not (ROOT / module).is_file()] == []
