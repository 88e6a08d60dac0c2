from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from pipeline.runtime.errors import BadImageError
from tests.unit.golden import draw_folders, tiny_settings
from unit.data.domain_images import list_side, side_of_folder, side_of_listings
from unit.training.step import Trainer
from unit.training.train import TrainSummary, train

SETTINGS = tiny_settings(iterations=14)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return draw_folders(tmp_path / "folders")


def run(folders: tuple[Path, Path], root: Path) -> tuple[TrainSummary, bytes]:
    sides = map(side_of_folder, folders)
    summary = train(SETTINGS, *sides, root / "gen.pt", root / "work", live=root / "live", threads=2)
    return summary, (root / "gen.pt").read_bytes()


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def truncate(picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:-40])


def run_until(folders: tuple[Path, Path], root: Path, monkeypatch: pytest.MonkeyPatch, picture: Path) -> str:
    """A run during which an image is damaged after the fifth iteration; what it says at its end."""
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        if now == 5:
            truncate(picture)
        return real(self, x_a, x_b, now)

    with monkeypatch.context() as patch, pytest.raises(BadImageError) as error:
        patch.setattr(Trainer, "step", step)
        run(folders, root)
    assert "resumes from the last saved state" in error.value.hint
    return error.value.message


def test_all_are_named_before_the_first_iteration(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, night = folders
    truncate(pictures(day)[0])
    pictures(night)[1].write_bytes(b"no image")
    steps: list[int] = []
    monkeypatch.setattr(Trainer, "step", lambda *_: steps.append(1))
    with pytest.raises(BadImageError, match="2 images cannot be used for training") as error:
        run(folders, tmp_path)
    for name in (pictures(day)[0].name, pictures(night)[1].name):
        assert name in error.value.message
    assert not steps


def test_a_listing_names_all_and_is_not_written(folders: tuple[Path, Path], tmp_path: Path) -> None:
    day, _ = folders
    broken = pictures(day)[:2]
    for picture in broken:
        truncate(picture)
    with pytest.raises(BadImageError, match="2 images cannot be used for training") as error:
        list_side(day, tmp_path / "day.csv", workers=2)
    assert all(str(picture) in error.value.message for picture in broken)
    assert not (tmp_path / "day.csv").exists()


def test_after_a_picture_is_repaired_the_run_ends_in_the_same_bytes(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = run(folders, tmp_path / "whole")
    picture = pictures(folders[0])[2]
    before = picture.read_bytes()
    assert picture.name in run_until(folders, tmp_path, monkeypatch, picture)
    picture.write_bytes(before)
    summary, repaired = run(folders, tmp_path)
    assert summary.started_at >= 3
    assert repaired == whole


@pytest.mark.parametrize("repair", [Path.unlink, lambda path: Image.new("RGB", (90, 90)).save(path)])
def test_without_it_or_with_another_the_run_goes_on(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repair: object
) -> None:
    picture = pictures(folders[1])[2]
    run_until(folders, tmp_path, monkeypatch, picture)
    repair(picture)  # type: ignore[operator]
    summary, _ = run(folders, tmp_path)
    assert summary.started_at >= 3
    # The states were taken over: there is one run, and it has no note any more.
    assert len(list((tmp_path / "work").glob("*/state_*.pt"))) <= 2
    assert not list((tmp_path / "work").glob("*/unreadable.json"))


def test_listed_pictures_too(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, night = folders
    picture = pictures(day)[2]

    def run_listed() -> TrainSummary:
        listings = tmp_path / "listings"
        list_side(day, listings / "mine.csv")
        sides = side_of_listings({"mine": day}, listings), side_of_folder(night)
        return train(SETTINGS, *sides, tmp_path / "gen.pt", tmp_path / "work", live=tmp_path / "live")

    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, now: int) -> dict[str, torch.Tensor]:
        if now == 5:
            picture.unlink()
        return real(self, x_a, x_b, now)

    with monkeypatch.context() as patch, pytest.raises(BadImageError, match=picture.name):
        patch.setattr(Trainer, "step", step)
        run_listed()
    assert run_listed().started_at >= 3


def test_any_other_change_starts_again(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = pictures(folders[0])[2]
    run_until(folders, tmp_path, monkeypatch, picture)
    picture.unlink()
    shutil.copy(pictures(folders[1])[0], folders[1] / "another.png")
    assert run(folders, tmp_path)[0].started_at == 0
