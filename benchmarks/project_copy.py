"""A copy of the project in its own folder, in which benchmarks run DVC as a user would."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]

_CODE = ("pipeline", "stages", "unit")
_SETTINGS = ("dvc.yaml", ".dvcignore", ".dvc/config")
_LOCAL = "[core]\n    no_scm = true\n    check_update = false\n"


def copy_project(root: Path, asked: Mapping[str, object]) -> None:
    """Copy the code into `root`, with only the sections `asked` in params.yaml; without git."""
    for name in _CODE:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _SETTINGS:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    (root / ".dvc" / "config.local").write_text(_LOCAL)
    params = yaml.safe_load((ROOT / "profiles" / "city.yaml").read_text())
    nothing = {name: type(section)() for name, section in params.items()}
    kept = {"comparison": {"rows": {}, "test_sets": {}}, "sets": {"shards_above": 10**9}}
    document = nothing | kept | dict(asked)
    (root / "params.yaml").write_text(yaml.safe_dump(document))


def project_environment(root: Path) -> dict[str, str]:
    """Environment variables for the same Python in dvc.yaml, with the modules of the copy."""
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "DVC_SITE_CACHE_DIR": str(root / "site-cache"),
        "DVC_NO_ANALYTICS": "1",
    }
    return dict(os.environ) | own
