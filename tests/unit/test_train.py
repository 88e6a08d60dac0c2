import csv
from pathlib import Path

import pytest
import torch

from pipeline.core.errors import DusklineError, MissingInputError, ParameterError
from pipeline.core.pictures import read_rgb
from tests.unit.golden import draw_folders, tiny_settings
from unit import numeric
from unit.checkpoint import load_checkpoint
from unit.network import GeneratorSizes
from unit.train import TrainSummary, train
from unit.train_settings import TrainSettings
from unit.train_step import Trainer
from unit.vgg import VggFeatures


class StopError(Exception):
    """Stands for whatever ends a run."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_folders(tmp_path_factory.mktemp("folders"))


def run(
    settings: TrainSettings, folders: tuple[Path, Path], root: Path, name: str = "gen.pt"
) -> tuple[TrainSummary, bytes]:
    summary = train(settings, *folders, root / name, root / "work")
    return summary, (root / name).read_bytes()


def stop_at(iteration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        if now == iteration:
            raise StopError
        return real(self, x_a, x_b, now)

    monkeypatch.setattr(Trainer, "step", step)


@pytest.mark.parametrize("stop", [1, 3, 4, 7])
def test_an_interrupted_run_ends_in_the_same_bytes(
    stop: int, folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(iterations=8, ema_decay=0.9, tied_iterations=4)
    whole, expected = run(settings, folders, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(StopError):
        stop_at(stop, patch)
        run(settings, folders, tmp_path / "parts")
    assert not (tmp_path / "parts" / "gen.pt").exists()
    summary, found = run(settings, folders, tmp_path / "parts")
    assert summary.started_at == stop // 3 * 3
    assert found == expected
    curves = [(part.folder / "losses.csv").read_bytes() for part in (whole, summary)]
    assert curves[0] == curves[1]


def test_a_finished_run_is_only_exported_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    _, first = run(tiny_settings(), folders, tmp_path)
    summary, second = run(tiny_settings(), folders, tmp_path, "again.pt")
    assert summary.started_at == summary.iterations == 6
    assert first == second


def test_more_iterations_continue_and_fewer_start_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    short, short_bytes = run(tiny_settings(iterations=3), folders, tmp_path)
    long, long_bytes = run(tiny_settings(iterations=7), folders, tmp_path)
    assert (short.started_at, long.started_at) == (0, 3)
    assert long_bytes == run(tiny_settings(iterations=7), folders, tmp_path / "fresh")[1]
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
    "change", [{"seed": 2}, {"lr": 2e-3}, {"gan_w": 2.0}, {"batch": 1}, {"autocast": "bfloat16"}]
)
def test_other_settings_are_another_run(
    change: dict[str, object], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    first, before = run(tiny_settings(), folders, tmp_path)
    second, after = run(tiny_settings(**change), folders, tmp_path)
    assert second.started_at == 0
    assert first.folder != second.folder
    assert before != after


def test_auto_is_the_run_that_it_comes_to(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kernels, wanted in (("", "off"), ("amx", "bfloat16")):
        monkeypatch.setattr(numeric, "bfloat16_kernels", lambda kernels=kernels: kernels)
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
    with (summary.folder / "losses.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["iteration"]) for row in rows] == list(range(10, 91, 10))
    first, last = (float(row["recon_x_a"]) + float(row["recon_x_b"]) for row in (rows[0], rows[-1]))
    assert last < 0.6 * first
    assert summary.losses["recon_x_a"] == pytest.approx(float(rows[-1]["recon_x_a"]), rel=1e-4)


def test_sheets_of_samples(folders: tuple[Path, Path], tmp_path: Path) -> None:
    summary, _ = run(tiny_settings(sheet_every=4), folders, tmp_path)
    sheets = sorted(path.name for path in summary.folder.glob("*.png"))
    assert sheets == ["sheet_00000004.png", "sheet_00000006.png"]
    pixels = read_rgb(summary.folder / sheets[0])
    # Four rows of eight pictures 24 high; the widest of each column counts.
    assert pixels.shape[0] == 4 * 24 + 3 * 4
    day = read_rgb(folders[0] / "1.png")
    assert pixels[:24, :30].mean() == pytest.approx(day.mean(), rel=0.15)


def test_a_loss_that_is_no_number_stops_the_run(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(save_every=2)
    with monkeypatch.context() as patch, pytest.raises(StopError):
        stop_at(2, patch)
        run(settings, folders, tmp_path)
    state = next((tmp_path / "work").glob("*/state.pt"))
    before = state.read_bytes()
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        return {name: loss * float("nan") for name, loss in real(self, x_a, x_b, now).items()}

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(DusklineError, match="not a number between iterations 2 and 4"):
        run(settings, folders, tmp_path)
    assert state.read_bytes() == before
    assert not (tmp_path / "gen.pt").exists()


def test_perceptual_term_without_weights(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no VGG-16 weights"):
        run(tiny_settings(vgg_w=1.0), folders, tmp_path)


def test_weights_for_a_perceptual_term_that_is_off(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"vgg_w is 0, so the VGG-16 weights at vgg\.pt"):
        train(tiny_settings(), *folders, tmp_path / "gen.pt", tmp_path / "work", vgg=Path("vgg.pt"))


def test_the_perceptual_term_is_of_the_weights_given(folders: tuple[Path, Path], tmp_path: Path) -> None:
    summaries = []
    for seed, pictures in ((0, "caffe"), (1, "caffe"), (0, "torchvision")):
        torch.manual_seed(seed)
        torch.save(VggFeatures("caffe").state_dict(), tmp_path / "vgg.pt")
        settings = tiny_settings(vgg_w=1.0, vgg_input=pictures, iterations=1)
        summaries.append(
            train(settings, *folders, tmp_path / "gen.pt", tmp_path / "work", vgg=tmp_path / "vgg.pt")
        )
    assert all(summary.started_at == 0 for summary in summaries)
    assert len({summary.losses["vgg_a"] for summary in summaries}) == 3


def test_a_missing_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        run(tiny_settings(), (folders[0], tmp_path / "night"), tmp_path)
