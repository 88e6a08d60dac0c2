"""The saved states of a training run: which are kept, and which one a run continues from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.compute.distributed.group import ALONE
from pipeline.compute.distributed.training_state import (
    folder_of_run,
    load_state,
    save_state,
    saved_states,
)

CPU = torch.device("cpu")
ROOMS = ("pipeline/compute/distributed",)


def test_without_a_state_a_run_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_state(tmp_path / "none", ALONE, CPU) is None
    assert caplog.text == ""


def test_a_state_saved_again_takes_its_own_place(tmp_path: Path) -> None:
    for steps, value in ((2, 0), (4, 0), (4, 1), (4, 2)):
        save_state(tmp_path, steps, {"value": value})
    assert [path.name[:14] for path in saved_states(tmp_path)] == ["state_00000004", "state_00000002"]
    assert load_state(tmp_path, ALONE, CPU) == (4, {"value": 2})
    assert load_state(tmp_path, ALONE, CPU, at_most=3) == (2, {"value": 0})


@pytest.mark.parametrize("damage", ["truncated", "one bit", "zeros", "empty"])
def test_a_damaged_state_is_passed_over_for_the_one_before(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for steps in (1, 2):
        save_state(tmp_path, steps, {"weights": torch.full((100,), float(steps))})
    newest, before = saved_states(tmp_path)
    data = newest.read_bytes()
    half = len(data) // 2
    spoilt = {
        "truncated": data[:-50],
        "one bit": data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :],
        "zeros": bytes(len(data)),
        "empty": b"",
    }
    newest.write_bytes(spoilt[damage])
    (tmp_path / ".state_00000002.pt.0.part").write_bytes(b"half")
    found = load_state(tmp_path, ALONE, CPU)
    assert found is not None
    assert found[0] == 1
    assert f"{newest} was damaged and is removed" in caplog.text
    assert list(tmp_path.iterdir()) == [before]
    before.write_bytes(b"")
    assert load_state(tmp_path, ALONE, CPU) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["state.pt", "state_00000003_0123456789abcdef.pt"])
def test_states_from_before_code_was_in_the_key_are_told_of(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of_run(tmp_path, {"seed": 1}, ROOMS, ALONE)
    old = tmp_path / folder.name[:32]
    old.mkdir()
    (old / name).write_bytes(b"")
    assert load_state(folder_of_run(tmp_path, {"seed": 2}, ROOMS, ALONE), ALONE, CPU) is None
    assert caplog.text == ""
    assert load_state(folder, ALONE, CPU) is None
    assert f"{old} has states of this training run from another version" in caplog.text
    caplog.clear()
    save_state(folder, 1, {})
    assert load_state(folder, ALONE, CPU) == (1, {})
    assert caplog.text == ""
