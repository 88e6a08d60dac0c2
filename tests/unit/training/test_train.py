import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.models.vgg import cfgs, make_layers

from pipeline.compute.device import precision
from pipeline.runtime.errors import DusklineError, MissingInputError, ParameterError
from tests.compute.resources.noted import NotedWork
from tests.import_graph import ROOT
from tests.unit.golden import draw_folders, tiny_settings
from unit.data.domain_images import side_of_folder
from unit.network.checkpoint import load_checkpoint
from unit.network.settings import GeneratorSizes
from unit.training.settings import TrainSettings
from unit.training.step import Trainer
from unit.training.train import TrainSummary, train
from unit.training.training_images import CropSource


class StopError(Exception):
    """Stands for whatever ends a run."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_folders(tmp_path_factory.mktemp("folders"))


def run(
    settings: TrainSettings, folders: tuple[Path, Path], root: Path, name: str = "gen.pt"
) -> tuple[TrainSummary, bytes]:
    summary = train(settings, *map(side_of_folder, folders), root / name, root / "work", live=root / "live")
    return summary, (root / name).read_bytes()


def shown(root: Path) -> dict[str, bytes]:
    """All files for `dvc metrics` and `dvc plots` of a run under `root`, by name."""
    live = root / "live"
    return {
        path.relative_to(live).as_posix(): path.read_bytes() for path in live.rglob("*") if path.is_file()
    }


def read_curve(root: Path, name: str) -> dict[int, float]:
    """A curve of a run under `root`: values by iteration."""
    lines = (root / "live" / "plots" / "metrics" / f"{name}.tsv").read_text().splitlines()
    assert lines[0] == f"step\t{name}"
    return {int(step): float(value) for step, value in (line.split("\t") for line in lines[1:])}


def stop_at(iteration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        if now == iteration:
            raise StopError
        return real(self, x_a, x_b, now)

    monkeypatch.setattr(Trainer, "step", step)


@pytest.mark.parametrize("stop", [4, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (1, 3, 7))])
def test_an_interrupted_run_ends_in_the_same_bytes(
    stop: int, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(
        iterations=8, ema_decay=0.9, dis_augment=True, zoom=1.5, tied_iterations=4, sheet_every=5, keep="best"
    )
    _, expected = run(settings, folders, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(StopError):
        stop_at(stop, patch)
        run(settings, folders, tmp_path / "parts")
    assert not (tmp_path / "parts" / "gen.pt").exists()
    summary, found = run(settings, folders, tmp_path / "parts")
    assert summary.started_at == stop // 3 * 3
    assert found == expected
    assert shown(tmp_path / "parts") == shown(tmp_path / "whole")


def test_more_iterations_continue_and_fewer_start_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    short, short_bytes = run(tiny_settings(iterations=3), folders, tmp_path)
    long, long_bytes = run(tiny_settings(iterations=7), folders, tmp_path)
    assert (short.started_at, long.started_at) == (0, 3)
    curves = shown(tmp_path)
    assert long_bytes == run(tiny_settings(iterations=7), folders, tmp_path / "fresh")[1]
    assert curves == shown(tmp_path / "fresh")
    again, again_bytes = run(tiny_settings(iterations=3), folders, tmp_path)
    assert again.started_at == 0
    assert again_bytes == short_bytes != long_bytes


def test_what_and_when_is_saved_does_not_change_the_weights(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    _, often = run(tiny_settings(save_every=1, sheet_every=2), folders, tmp_path / "often")
    _, seldom = run(tiny_settings(save_every=100), folders, tmp_path / "seldom")
    assert often == seldom


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"lr": 2e-3}, {"gan_w": 2.0}, {"batch": 1}, {"autocast": "bfloat16"}],
)
def test_other_settings_are_another_run(
    change: dict[str, object], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first, before = run(tiny_settings(), folders, tmp_path)
    second, after = run(tiny_settings(**change), folders, tmp_path)
    assert second.started_at == 0
    assert first.folder != second.folder
    assert before != after


def test_weights_judged_at_other_times_are_another_run(folders: tuple[Path, Path], tmp_path: Path) -> None:
    first, _ = run(tiny_settings(), folders, tmp_path)
    second, _ = run(tiny_settings(save_every=2), folders, tmp_path)
    assert first.folder != second.folder
    assert list(read_curve(tmp_path, "total")) == [2, 4, 6]


def test_auto_is_the_run_that_it_comes_to(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kernels, wanted in (("", "off"), ("amx", "bfloat16")):
        monkeypatch.setattr(precision, "bfloat16_kernels", lambda kernels=kernels: kernels)
        auto, found = run(tiny_settings(autocast="auto", iterations=2), folders, tmp_path)
        named, expected = run(tiny_settings(autocast=wanted, iterations=2), folders, tmp_path / "named")
        assert auto.autocast == wanted
        assert auto.folder.name == named.folder.name
        assert found == expected


def test_other_pictures_are_another_run(folders: tuple[Path, Path], tmp_path: Path) -> None:
    first, _ = run(tiny_settings(), folders, tmp_path)
    changed = draw_folders(tmp_path / "changed", count=4)
    second, _ = run(tiny_settings(), (folders[0], changed[1]), tmp_path)
    assert second.started_at == 0
    assert first.folder != second.folder


def test_the_checkpoint_is_in_the_published_form(folders: tuple[Path, Path], tmp_path: Path) -> None:
    _, plain = run(tiny_settings(), folders, tmp_path)
    _, half = run(tiny_settings(export="float16"), folders, tmp_path, "half.pt")
    assert load_checkpoint(tmp_path / "gen.pt").sizes == GeneratorSizes(2, 2, 1)
    stored = torch.load(tmp_path / "half.pt", weights_only=True)
    assert all(value.dtype == torch.float16 for state in stored.values() for value in state.values())
    assert len(half) < len(plain)


def test_training_learns_to_reconstruct(folders: tuple[Path, Path], tmp_path: Path) -> None:
    settings = tiny_settings(dim=4, iterations=90, save_every=10, lr=3e-3, gan_w=0.5)
    summary, _ = run(settings, folders, tmp_path)
    curves = {name: read_curve(tmp_path, name) for name in ("recon_x_a", "recon_x_b", "recovery_error")}
    for curve in curves.values():
        assert list(curve) == list(range(10, 91, 10))
    first, last = (curves["recon_x_a"][at] + curves["recon_x_b"][at] for at in (10, 90))
    assert last < 0.6 * first
    assert curves["recovery_error"][90] < 0.8 * curves["recovery_error"][10]
    assert summary.losses["recon_x_a"] == pytest.approx(curves["recon_x_a"][90], abs=1e-6)


def test_sheets_of_samples(folders: tuple[Path, Path], tmp_path: Path) -> None:
    summary, _ = run(tiny_settings(sheet_every=2), folders, tmp_path)
    earlier = [summary.folder / f"sheet_{iteration:08d}.jpg" for iteration in (2, 4)]
    assert sorted(summary.folder.glob("*.jpg")) == earlier
    last = tmp_path / "live" / "plots" / "images" / "sheet.jpg"
    sheets = [path.read_bytes() for path in (*earlier, last)]
    assert len(set(sheets)) == 3


def test_a_loss_that_is_no_number_stops_the_run(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(save_every=2)
    with monkeypatch.context() as patch, pytest.raises(StopError):
        stop_at(2, patch)
        run(settings, folders, tmp_path)
    state = next((tmp_path / "work").glob("*/state_*.pt"))
    before = state.read_bytes()
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        return {name: loss * float("nan") for name, loss in real(self, x_a, x_b, now).items()}

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(DusklineError, match=r"in iteration 3: NaN or infinite: .*total") as caught:
        run(settings, folders, tmp_path)
    for stream, folder in enumerate(folders):
        source = CropSource(side_of_folder(folder), 24, (16, 16), settings.seed, stream)
        for place in (4, 5):
            assert str(source.path_at(place)) in str(caught.value)
    assert state.read_bytes() == before
    assert not (tmp_path / "gen.pt").exists()


def break_a_weight(trainer: Trainer) -> None:
    next(trainer.b.parameters()).data[0] = float("inf")


def break_a_moment(trainer: Trainer) -> None:
    trainer.dis_optimizer.state[next(trainer.dis_b.parameters())]["exp_avg_sq"].fill_(float("inf"))


@pytest.mark.parametrize("damage", [break_a_weight, break_a_moment])
def test_what_is_no_number_is_never_saved(
    damage: Callable[[Trainer], None],
    folders: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        losses = real(self, x_a, x_b, now)
        if now == 5:
            damage(self)
        return losses

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(DusklineError, match="in iteration 6: NaN or infinite: weights or Adam's moments"):
        run(tiny_settings(), folders, tmp_path)
    assert [path.name[:14] for path in tmp_path.glob("work/*/*.pt")] == ["state_00000003"]


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_bytes(folders: tuple[Path, Path], tmp_path: Path) -> None:
    changes = {
        "iterations": 30,
        "save_every": 3,
        "sheet_every": 10,
        "keep": "best",
        "lr": 0.01,
        "gan_w": 50.0,
    }
    whole, expected = run(tiny_settings(**changes), folders, tmp_path / "whole")
    assert whole.exported < 15
    script = (
        "import sys; from pathlib import Path; from tests.unit.golden import tiny_settings;"
        " from unit.data.domain_images import side_of_folder as side;"
        " from unit.training.train import train; day, night, out, work, live = map(Path, sys.argv[1:]);"
        f" settings = tiny_settings(**{changes});"
        " print(train(settings, side(day), side(night), out, work, live=live).started_at)"
    )
    work = tmp_path / "work"
    paths = (*folders, tmp_path / "gen.pt", work, tmp_path / "live")
    command = [sys.executable, "-c", script, *map(str, paths)]
    child = subprocess.Popen(command, cwd=ROOT)
    # Killed somewhere between two saved states, or while one is written.
    while not any(work.glob("*/state_00000015_*.pt")):
        assert child.poll() is None
        time.sleep(0.002)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    started_at = int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    assert 15 <= started_at < 30
    assert (tmp_path / "gen.pt").read_bytes() == expected
    assert shown(tmp_path) == shown(tmp_path / "whole")


def test_perceptual_term_without_weights(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no VGG-16 weights"):
        run(tiny_settings(vgg_w=1.0), folders, tmp_path)


def test_weights_for_a_perceptual_term_that_is_off(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"vgg_w is 0, so the VGG-16 weights at vgg\.pt"):
        train(
            tiny_settings(),
            *map(side_of_folder, folders),
            tmp_path / "gen.pt",
            tmp_path / "work",
            live=tmp_path / "live",
            vgg=Path("vgg.pt"),
        )


def test_the_perceptual_term_is_of_the_weights_given(folders: tuple[Path, Path], tmp_path: Path) -> None:
    summaries = []
    for seed, pictures in ((0, "caffe"), (1, "caffe"), (0, "torchvision")):
        torch.manual_seed(seed)
        weights = make_layers(cfgs["D"]).state_dict()
        torch.save({f"features.{key}": value for key, value in weights.items()}, tmp_path / "vgg.pt")
        settings = tiny_settings(vgg_w=1.0, vgg_input=pictures, iterations=1)
        summaries.append(
            train(
                settings,
                *map(side_of_folder, folders),
                tmp_path / "gen.pt",
                tmp_path / "work",
                live=tmp_path / "live",
                vgg=tmp_path / "vgg.pt",
            )
        )
    assert all(summary.started_at == 0 for summary in summaries)
    assert len({summary.losses["vgg_a"] for summary in summaries}) == 3


def test_a_missing_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        run(tiny_settings(), (folders[0], tmp_path / "night"), tmp_path)


def test_iterations_of_an_earlier_run_are_told_from_work(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for iterations, done in ((3, 3), (7, 4), (7, 0)):
        with NotedWork() as told:
            run(tiny_settings(iterations=iterations), folders, tmp_path)
            assert told.work == (iterations, done)
