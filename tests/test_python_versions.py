"""The versions of Python that are supported: the same everywhere, and all of them resolved by the lock."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.import_graph import ROOT

SUPPORTED = ["3.11", "3.12", "3.13", "3.14"]
OLDEST = SUPPORTED[0]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
EXTRAS = sorted(SETUP["options.extras_require"])


def requirements(lines: str, version: str) -> dict[str, Requirement]:
    """Those of `lines` that hold on Linux with this version of Python, by name."""
    place = {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux"}
    stripped = (line.partition("#")[0].strip() for line in lines.splitlines())
    wanted = [Requirement(line) for line in stripped if line]
    return {one.name.lower(): one for one in wanted if one.marker is None or one.marker.evaluate(place)}


def python_that_says_it_is(version: tuple[int, int], path: Path) -> Path:
    """A `python` whose `-c` sees another `sys.version_info`; it can do nothing else."""
    said = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0); exec(sys.argv[2])"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{said}" "$@"\n')
    path.chmod(0o755)
    return path


def test_what_is_declared() -> None:
    declared = SETUP["metadata"]["classifiers"]
    prefix = "Programming Language :: Python :: "
    said = [line.removeprefix(prefix) for line in declared.split("\n") if line.startswith(prefix)]
    assert said == SUPPORTED
    # No upper bound: a version that is not out yet is not refused.
    assert SpecifierSet(SETUP["options"]["python_requires"]) == SpecifierSet(f">={OLDEST}")
    assert SETUP["mypy"]["python_version"] == OLDEST
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert ruff["target-version"] == f"py{OLDEST.replace('.', '')}"


@pytest.mark.parametrize("page", ["README.md", "docs/first_hour.md", "docs/troubleshooting.md"])
def test_what_the_pages_say(page: str) -> None:
    assert f"Python {OLDEST} or newer" in (ROOT / page).read_text()


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_lock_has_a_fitting_version_of_all_that_is_required(version: str) -> None:
    locked = requirements((ROOT / "requirements.lock").read_text(), version)
    extras = "\n".join(SETUP["options.extras_require"][extra] for extra in EXTRAS)
    required = requirements(f"{SETUP['options']['install_requires']}\n{extras}", version)
    assert len(required) > 20
    for name, requirement in required.items():
        ((_, pin),) = [(one.operator, one.version) for one in locked[name].specifier]
        assert pin in requirement.specifier, f"{requirement} is locked as {pin}"


def make(folder: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "requirements.lock"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    environment = {"PATH": f"{path}:/usr/bin:/bin"} if path else None
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_an_old_python_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    old = python_that_says_it_is((3, 10), tmp_path / "bin" / "python3")
    done = make(tmp_path, f"PYTHON={old}", "setup")
    assert done.returncode == 2
    assert f"Python {OLDEST} or newer is needed, {old} is 3.10; install one, or name" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3": (3, 13), "python3.14": (3, 14)}, "python3"),
        ({"python3": (3, 16)}, "python3"),
        ({"python3": (3, 10), "python3.12": (3, 12), "python3.11": (3, 11)}, "python3.12"),
    ],
)
def test_the_first_python_that_fits_is_taken(
    tmp_path: Path, there: dict[str, tuple[int, int]], chosen: str
) -> None:
    for name in ("python3", *(f"python{version}" for version in SUPPORTED)):
        python_that_says_it_is(there.get(name, (3, 9)), tmp_path / "bin" / name)
    done = make(tmp_path, "--eval", "which: ; @echo $(PYTHON)", "which", path=tmp_path / "bin")
    assert done.stdout.strip() == chosen
