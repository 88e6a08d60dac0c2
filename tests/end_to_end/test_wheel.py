"""The package alone: a wheel, in an environment that has nothing else of the project, in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from pipeline.core.image_io import read_rgb
from tests.docs.test_api import PUBLIC
from tests.import_graph import PACKAGES, ROOT
from tests.night.fakes import picture
from tests.vpr.adaptation.runs import write_teacher

pytestmark = pytest.mark.slow

# What there is beside modules that people do not need.
_LEFT_OUT = {"unit/weights/README.md"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of a copy, so that nothing is written into the project."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(out), str(source)], check=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, which takes what it needs from this one."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=False)
    python = root / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    # Elsewhere and without PYTHONPATH, for a checkout is an installation to pip.
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*pip, "--no-index", str(wheel)], cwd=root, env=without, check=True)
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run(
        [python, "-c", place], capture_output=True, text=True, check=True
    ).stdout.strip()
    # What a .pth file names is not looked through for others, such as that of the project's own installation.
    Path(packages, "needed.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of it is typed."""
    return tmp_path_factory.mktemp("anywhere")


def run(
    python: Path, folder: Path, *words: str, ending_with: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder), "DUSKLINE_WORKERS": "1"}
    done = subprocess.run(
        words, cwd=folder, env=environment | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == ending_with, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_all_that_the_packages_hold_is_in_it(wheel: Path) -> None:
    held = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(wheel) as members:
        packed = {name for name in members.namelist() if ".dist-info/" not in name}
    assert packed == held - _LEFT_OUT
    assert {"unit/weights/city.pt", "pipeline/datasets/registry/city.yaml"} < packed


def test_it_is_the_wheel_that_is_imported_and_all_public_names_are_in_it(python: Path, folder: Path) -> None:
    names = [name.rpartition(".") for name, _ in PUBLIC]
    imports = "\n".join(f"from {module} import {name}" for module, _, name in names)
    said = run(
        python, folder, "python", "-c", f"{imports}\nimport pipeline, unit, stages; print(unit.__file__)"
    )
    assert Path(said.stdout.strip()).is_relative_to(python.parents[1])


def test_a_folder_is_translated_and_a_model_learns_from_it(python: Path, folder: Path) -> None:
    (folder / "days").mkdir()
    for number in range(3):
        (folder / "days" / f"{number}.jpg").write_bytes(picture(number, 128, 96))
    shipped = ("--checkpoint", "unit/weights/city.pt", "--shorter-side", "96", "--detail", "source")
    run(python, folder, "duskline", "translate", "days", "nights", *shipped, "--stretch", "none")
    days, nights = (sorted((folder / name).rglob("*.jpg")) for name in ("days", "nights"))
    assert len(nights) == 3
    assert read_rgb(nights[0]).mean() < 0.7 * read_rgb(days[0]).mean()
    write_teacher(folder / "given")
    choices = "--trainable all --height 48 --width 64 --steps 2 --batch 2 --neighbours 0"
    done = run(python, folder, *f"duskline adapt given/model.pt days nights new {choices}".split())
    assert done.stdout.startswith("new: 2 steps")
    assert (folder / "new" / "model.pt").is_file()


@pytest.mark.parametrize(
    ("words", "ending_with", "said"),
    [
        ("duskline --version", 0, "duskline "),
        ("duskline sources", 0, "pitts30k"),
        ("duskline doctor", 1, "project"),
        ("duskline plan", 2, "no parameter file params.yaml"),
        ("duskline sets", 2, "no parameter file params.yaml"),
        ("duskline results", 2, "no parameter file params.yaml"),
    ],
)
def test_what_wants_a_project_says_so(
    python: Path, folder: Path, words: str, ending_with: int, said: str
) -> None:
    done = run(python, folder, *words.split(), ending_with=ending_with)
    assert said in done.stdout + done.stderr
