"""A copy of the project in a folder of its own, on which tests run DVC as a user would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.import_graph import ROOT

TINY_CITY = {
    "kind": "city",
    "seed": 7,
    "width": 96,
    "height": 72,
    "train_places": 2,
    "val_places": 1,
    "test_places": 1,
    "tokyo_places": 2,
    "tokyo_queries": 2,
    "xs_places": 1,
    "xs_queries": 2,
    "yaws": 2,
    "pitches": 1,
    "query_share": 1.0,
    "spacing": 10,
}

# `dvc repro` that runs its stages itself: torch, of which each tiny one does little, is loaded once for all.
_REPRO = """
import os, shlex, sys
from importlib import import_module
from dvc.cli import main
from dvc.stage import run

def run_here(executable, command, *, env, **process):
    os.environ.update(env)
    print("ran", env["DVC_STAGE"])
    stage, *options = shlex.split(command.removeprefix("exec python -m stages."))
    import_module(f"stages.{stage}").main(options, standalone_mode=False)

run._run = run_here
sys.exit(main(["repro", *sys.argv[1:]]))
"""


@dataclass(frozen=True)
class Project:
    """The copy's root; every command runs there with its own DVC cache and site cache."""

    root: Path

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `dvc` in the copy; with `check`, its failure is the test's, with all it printed."""
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUSKLINE_")}
        return inherited | {
            # `python` in dvc.yaml is the tests' own; the copy's modules come before the installed ones.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
            "DVC_SITE_CACHE_DIR": str(self.root.parent / "site-cache"),
            "DVC_NO_ANALYTICS": "1",
        }

    def params(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.root / "params.yaml").read_text())
        return document

    def set_params(self, document: dict[str, Any]) -> None:
        (self.root / "params.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def repro(self, *targets: str) -> list[str]:
        """Run what `dvc repro` would, in one process; return the stages that really ran, in their order."""
        said = self.run(sys.executable, "-c", _REPRO, *targets).stdout
        # DVC's own lines are missing after a training, which quietens its logger.
        return re.findall(r"^ran (\S+)$", said, flags=re.MULTILINE)


def stages_run(output: str) -> list[str]:
    """The stages that `dvc repro` says it ran."""
    return re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE)


def tiny_params() -> dict[str, Any]:
    """The city profile on the smallest city that has every set; without recognition, which takes its time."""
    params: dict[str, Any] = yaml.safe_load((ROOT / "profiles" / "city.yaml").read_text())
    params["fetch"]["city"] = dict(TINY_CITY)
    params["format"]["city_tokyo"]["queries_shorter_side"] = 72
    params["translate"]["city_pitts_night"]["shorter_side"] = 72
    recognition = {
        "train": {},
        "experiment": {},
        "augmentations": {},
        "test_sets": [],
        "headline": {},
        "comparison": {"rows": {}, "test_sets": {}},
    }
    return params | recognition | {"sheets": {}, "compare": {}, "statistics": {}}


def street_params() -> dict[str, Any]:
    """The tiny city with a street that is long enough for negatives, which are beyond 25 m."""
    params = tiny_params()
    params["fetch"]["city"] |= {"train_places": 8, "val_places": 2}
    return params


def copy_project(root: Path) -> Project:
    """Copy what git would track into `root`, with the tiny city as its parameters."""
    listed = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .split("\0")
    )
    for name in filter(None, listed):
        source = ROOT / name
        # The lock of a run in the checkout would let the copy believe that it had been run too.
        if source.is_file() and name != "dvc.lock":
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    project = Project(root)
    project.run("git", "init", "-q")
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    project.run("git", *author, "commit", "-q", "--allow-empty", "-m", "Begin")
    project.set_params(tiny_params())
    return project
