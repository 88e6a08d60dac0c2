from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.compute.distributed.training_curves import write_curves
from pipeline.runtime.errors import DusklineError

ROWS = {10: {"loss": 0.5, "recall@5": 40.0}, 15: {"loss": 0.25, "recall@5": 60.0}}


def test_curves_are_what_dvc_reads(tmp_path: Path) -> None:
    live = tmp_path / "live"
    write_curves(live, {10: ROWS[10]})
    write_curves(live, ROWS, best=10)
    loss = live / "plots" / "metrics" / "loss.tsv"
    assert loss.read_text() == "step\tloss\n10\t0.5\n15\t0.25\n"
    last = json.loads((live / "metrics.json").read_text())
    assert last == {"loss": 0.25, "recall@5": 60.0, "step": 15, "best": 10}
    assert not (live / "plots" / "metrics" / "best.tsv").exists()


def test_a_repository_without_a_commit_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DusklineError, match="DVCLive cannot write the training curves"):
        write_curves(tmp_path / "out", ROWS)
