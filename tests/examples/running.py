"""Running an example as its reader does, from the project's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.import_graph import ROOT

EXAMPLES = ROOT / "examples"


def run(script: str, *arguments: str | Path, work: Path, check: bool = True) -> str:
    """Run a script of examples/ with the work store `work`; return what it printed, errors among it."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *map(str, arguments)],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "DUSKLINE_WORK": str(work), "DVC_SITE_CACHE_DIR": str(work / "site")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout
    return done.stdout
