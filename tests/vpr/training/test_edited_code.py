"""After an edit of the code a half-done training of a recogniser starts again, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.compute.distributed.training_state import save_state
from pipeline.vpr.training import loop, step
from tests.edited_code import copied_code, edited
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS, KilledError, assert_same_bits, kill_after, run, weights

LOSS = "pipeline/vpr/training/losses.py"
# A wide margin, so that there is something to learn from each triplet.
WIDE = replace(SETTINGS, margin=2.0)


@pytest.mark.slow
def test_an_edited_loss_is_trained_with_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    places = write_places(tmp_path / "set")
    code = copied_code(tmp_path / "code", monkeypatch)
    monkeypatch.setattr(loop, "SAVE_EVERY", 1e9)  # after an epoch only
    for edit in ("none", "words", "loss"):
        kill_after(1, monkeypatch)
        with pytest.raises(KilledError):
            run(places, tmp_path / edit, WIDE)
        monkeypatch.setattr(loop, "save_state", save_state)
        [resumable] = (tmp_path / edit / "work").iterdir()
        if edit == "words":
            edited(code, LOSS, '"""Mean hinge loss', '"""The mean hinge loss', monkeypatch)
        elif edit == "loss":
            loss = edited(code, LOSS, "p=2", "p=1", monkeypatch)
            monkeypatch.setattr(step, "triplet_loss", loss.triplet_loss)
        told = len(caplog.records)
        assert run(places, tmp_path / edit, WIDE).started_at == (0 if edit == "loss" else 1)
        said = [record.getMessage() for record in caplog.records[told:]]
        assert len(said) == (edit == "loss")
        assert all(message.startswith(f"{resumable} has states of this training run") for message in said)
        assert resumable.is_dir() == (edit == "loss")
    assert_same_bits(tmp_path / "words", tmp_path / "none")
    fresh = tmp_path / "fresh"
    run(places, fresh, WIDE)
    assert_same_bits(tmp_path / "loss", fresh)
    before, after = weights(tmp_path / "none"), weights(fresh)
    assert any(not torch.equal(before[name], after[name]) for name in before)
