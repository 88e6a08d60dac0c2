from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.core.errors import DusklineError
from pipeline.vpr.curves import write_curves

HISTORY = [{"loss": 0.5, "recall@5": 40.0}, {"loss": 0.25, "recall@5": 60.0}]


def test_curves_are_what_dvc_reads(tmp_path: Path) -> None:
    write_curves(tmp_path, HISTORY[:1])
    write_curves(tmp_path, HISTORY)
    loss = tmp_path / "live" / "plots" / "metrics" / "loss.tsv"
    assert loss.read_text() == "step\tloss\n0\t0.5\n1\t0.25\n"
    last = json.loads((tmp_path / "live" / "metrics.json").read_text())
    assert (last["loss"], last["recall@5"]) == (0.25, 60.0)


def test_a_repository_without_a_commit_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DusklineError, match="DVCLive cannot write the training curves"):
        write_curves(tmp_path / "out", HISTORY)
