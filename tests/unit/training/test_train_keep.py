import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.compute.distributed.training_state import saved_states
from tests.unit.golden import draw_folders, tiny_settings
from tests.unit.training.test_train import read_curve, run, shown
from unit.data.domain_images import side_of_folder
from unit.network.checkpoint import load_checkpoint
from unit.network.network import Generator
from unit.network.settings import GeneratorSizes
from unit.training.best_checkpoint import better, recovery_error, score_weights
from unit.training.settings import TrainSettings
from unit.training.training_images import CropSource

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_folders(tmp_path_factory.mktemp("folders"))


def spoilt_settings(**changes: Any) -> TrainSettings:
    """Settings of a run whose weights soon recover less, for they are to deceive above all."""
    chosen = {"iterations": 12, "save_every": 2, "lr": 0.01, "gan_w": 10.0, "recon_x_w": 0.5, "cyc_x_w": 0.5}
    return tiny_settings(**(chosen | changes))


def test_the_best_weights_are_those_of_a_run_that_ended_there(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    summary, found = run(spoilt_settings(keep="best"), folders, tmp_path)
    errors = read_curve(tmp_path, "recovery_error")
    assert list(errors) == [2, 4, 6, 8, 10, 12]
    assert summary.exported == min(errors, key=errors.__getitem__) < 12
    assert summary.error == pytest.approx(min(errors.values()), abs=1e-6)
    metrics = json.loads((tmp_path / "live" / "metrics.json").read_text())
    assert metrics["exported_iteration"] == summary.exported
    assert metrics["exported_recovery_error"] == pytest.approx(summary.error, abs=1e-6)
    assert metrics["step"] == 12
    _, expected = run(spoilt_settings(iterations=summary.exported), folders, tmp_path / "short")
    assert found == expected


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_the_error_is_of_what_is_exported(
    ema_decay: float, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    settings = tiny_settings(ema_decay=ema_decay)
    summary, _ = run(settings, folders, tmp_path)
    pair = load_checkpoint(tmp_path / "gen.pt")
    crops = [CropSource(side_of_folder(folder), 24, (16, 20), 5, 7).middles(4) for folder in folders]
    assert recovery_error(pair.a, pair.b, *crops) == summary.error


def test_the_running_mean_is_exported_and_not_what_it_is_of(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    found = [
        run(tiny_settings(ema_decay=decay, keep=keep), folders, tmp_path / keep / str(decay))[1]
        for keep in ("last", "best")
        for decay in (0.0, 0.9)
    ]
    assert found[0] != found[1]
    assert found[2] != found[3]


def test_a_finished_run_exports_either(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = {}
    for turn, keep in enumerate(("last", "best", "last")):
        summary, data = run(spoilt_settings(keep=keep), folders, tmp_path)
        assert summary.started_at == (0 if turn == 0 else 12)
        assert found.setdefault(keep, (data, shown(tmp_path))) == (data, shown(tmp_path))
    assert found["best"] != found["last"]
    _, fresh = run(spoilt_settings(keep="best"), folders, tmp_path / "fresh")
    assert found["best"] == (fresh, shown(tmp_path / "fresh"))


def test_an_end_between_saved_states_counts_only_while_it_is_the_end(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    settings = spoilt_settings(iterations=3, keep="best", save_every=4, sheet_every=3)
    short, _ = run(settings, folders, tmp_path)
    assert (short.exported, list(read_curve(tmp_path, "recovery_error"))) == (3, [3])
    errors = {}
    for root in (tmp_path, tmp_path / "fresh"):
        longer, data = run(spoilt_settings(keep="best", save_every=4, sheet_every=3), folders, root)
        errors[data] = shown(root)
        assert longer.started_at == (3 if root == tmp_path else 0)
    assert list(read_curve(tmp_path, "total")) == [4, 8, 12]
    assert len(errors) == 1
    assert shown(tmp_path) == shown(tmp_path / "fresh")


def test_the_best_weights_outlive_a_damaged_state(folders: tuple[Path, Path], tmp_path: Path) -> None:
    settings = spoilt_settings(keep="best")
    first, expected = run(settings, folders, tmp_path)
    saved_states(first.folder)[0].write_bytes(b"")
    assert first.exported < 10
    again, found = run(settings, folders, tmp_path)
    assert (again.started_at, found) == (10, expected)


def test_of_equal_errors_the_earlier_is_better() -> None:
    torch.manual_seed(0)
    a, b = (Generator(GeneratorSizes(2, 1, 1)) for _ in "ab")
    pictures = torch.rand(2, 3, 8, 8) * 2 - 1
    first, second = (score_weights(iteration, a, b, pictures, pictures) for iteration in (1, 2))
    assert better(None, first) is first
    assert better(first, second) is first
    with torch.no_grad():
        next(a.dec.parameters()).zero_()
    third = score_weights(3, a, b, pictures, pictures)
    assert third.error != first.error
    assert better(first, third) is min(first, third, key=lambda judged: judged.error)
    assert not torch.equal(*(next(v for n, v in j.a.items() if n.startswith("dec")) for j in (first, third)))


def test_the_error_is_of_both_ways_and_both_times_of_day() -> None:
    class Parts(torch.nn.Module):
        """A generator that adds `coded` on the way to a code and `shown` on the way back."""

        def __init__(self, coded: float, shown: float) -> None:
            super().__init__()
            self.held = torch.nn.Parameter(torch.zeros(1))
            self.enc = lambda x: x + coded
            self.dec = lambda x: x + shown

    a, b = Parts(0.1, 0.2), Parts(0.01, 0.03)
    day, night = torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    # Reconstructions are 0.3 and 0.04 off, ways there and back 0.34 each; of one day and two nights.
    expected = (0.3 + 0.34 + 2 * (0.04 + 0.34)) / 6
    assert recovery_error(a, b, day, night) == pytest.approx(expected, abs=1e-6)  # type: ignore[arg-type]
