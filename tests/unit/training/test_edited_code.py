"""After an edit of the code a finished UNIT training is not exported again, but made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edited_code import copied_code, edited
from tests.unit.golden import draw_folders, tiny_settings
from tests.unit.training.test_train import run
from unit.training import step

LOSSES = "unit/training/losses.py"


def test_an_edited_loss_is_trained_with_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folders = draw_folders(tmp_path / "folders")
    code = copied_code(tmp_path / "code", monkeypatch)
    before, weights = run(tiny_settings(), folders, tmp_path)

    edited(code, LOSSES, '"""Mean absolute difference."""', '"""How far apart."""  # L1', monkeypatch)
    again, same = run(tiny_settings(), folders, tmp_path)
    assert (again.started_at, again.folder, same) == (again.iterations, before.folder, weights)
    assert caplog.text == ""

    losses = edited(code, LOSSES, "(x.float() - y).abs()", "(x.float() - y).square()", monkeypatch)
    monkeypatch.setattr(step, "generator_losses", losses.generator_losses)
    monkeypatch.setattr(step, "l1", losses.l1)
    anew, others = run(tiny_settings(), folders, tmp_path)
    assert anew.started_at == 0
    assert others != weights
    said = f"{before.folder} has states of this training run from another version of the code"
    assert said in caplog.text
