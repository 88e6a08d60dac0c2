"""The stage `compare`: which translators are available, and what it says of those that cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from pipeline.core.image_io import read_rgb
from pipeline.datasets.fetching import fetch
from pipeline.night.comparison.comparison_files import read_measures, read_shown
from stages import compare
from tests.stages.project_folder import write_day_set, write_project
from tests.unit.generators.files import written
from tests.unit.generators.plain import LAYOUTS, drawn

CHECKPOINT = Path(__file__).parents[1] / "data" / "unit" / "gen_dim8.pt"
SECTION: dict[str, Any] = {
    "day": "street",
    "split": "test",
    "images": 2,
    "checkpoints": "weights",
    "shorter_side": 36,
    "stretch": "none",
    "detail": "network",
    "shorter_sides": {},
    "true_nights": "city/pittsburgh",
}


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)
    # The command asks to die with its parent, which here is the test runner's own.
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    write_day_set(tmp_path, "street", 4)
    (tmp_path / "weights").mkdir()
    shutil.copy(CHECKPOINT, tmp_path / "weights" / "dim8.pt")
    yield
    # The translators of this process took one.
    torch.set_num_threads(threads)


def run(tmp_path: Path, **changes: object) -> Result:
    write_project(tmp_path, compare={"all": SECTION | changes})
    return CliRunner().invoke(compare.main, ["--name", "all"])


def test_every_translator_at_hand_is_shown_beside_day_and_true_night(tmp_path: Path) -> None:
    shutil.copy(CHECKPOINT, tmp_path / "weights" / "gen.pt")
    result = run(tmp_path, shorter_sides={"dim8": 24})
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("compare@all: 5 translators on 2 images in ")
    out = tmp_path / "reports" / "compare" / "all"
    rows = read_measures(out)
    assert [(row.kind, row.name) for row in rows] == [
        ("day", "day"),
        ("photometric", "literal"),
        ("photometric", "meant"),
        ("photometric", "classical"),
        ("unit", "dim8"),
        # A fetched checkpoint has no name of its own.
        ("unit", "weights"),
        ("true night", "true night"),
    ]
    # The same weights at another size are another translator.
    assert rows[4].digest != rows[5].digest
    assert all(row.psnr is not None for row in rows[:-1])
    # True nights are drawn: darker than the noise that stands for the days.
    assert rows[-1].brightness < rows[0].brightness / 2
    assert len(read_shown(out)) == 2 * len(rows)
    assert read_rgb(out / "sheet.jpg").shape[1] > 7 * 252


def test_a_checkpoint_that_cannot_be_read_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    (tmp_path / "weights" / "broken.pt").write_bytes(CHECKPOINT.read_bytes()[:1000])
    result = run(tmp_path, shorter_sides={"dim8": 36}, true_nights=None)
    assert result.exit_code == 0, result.output
    assert "4 translators on 2 images\n  broken cannot be used: weights/broken.pt" in result.stdout
    rows = {row.name: row for row in read_measures(tmp_path / "reports" / "compare" / "all")}
    assert "weights/broken.pt" in rows["broken"].reason
    assert rows["dim8"].images == 2
    assert "true night" not in rows


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_generators_of_others_stand_beside_unit(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    written(weights / "dim8.pth", drawn(LAYOUTS["cyclegan"]()))
    written(weights / "pix2pix.pth", drawn(LAYOUTS["unet"]()))
    torch.save({"mlp_0.0.weight": torch.zeros(1)}, weights / "latest_net_F.pth")
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.Tanh())
    torch.jit.save(torch.jit.script(network), str(weights / "own.pt"))
    torch.jit.save(torch.jit.script(network.bfloat16()), str(weights / "rough.pt"))
    sides = {"dim8.pth": None, "pix2pix": None}
    result = run(tmp_path, shorter_sides=sides, true_nights=None, trusted=True)
    assert result.exit_code == 0, result.output
    rows = read_measures(tmp_path / "reports" / "compare" / "all")
    assert [(row.kind, row.name, row.images) for row in rows[4:]] == [
        ("unit", "dim8.pt", 2),
        ("resnet", "dim8.pth", 2),
        ("checkpoint", "latest_net_F", 0),
        ("torchscript", "own", 2),
        ("unet", "pix2pix", 2),
        ("torchscript", "rough", 2),
    ]
    assert "latest_net_F cannot be used: weights/latest_net_F.pth is not a supported" in result.stdout
    untrusted = run(tmp_path, true_nights=None)
    assert "own cannot be used: weights/own.pt is an exported network (torchscript)" in untrusted.stdout


def test_a_side_too_short_for_a_network_is_its_reason(tmp_path: Path) -> None:
    shutil.copy(CHECKPOINT, tmp_path / "weights" / "other.pt")
    result = run(tmp_path, shorter_sides={"other": 7}, true_nights=None)
    assert "other cannot be used: shorter_side must be at least 8" in result.stdout


def test_a_missing_or_empty_folder_of_checkpoints_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path, checkpoints="archives/unit")
    assert result.exit_code == 2
    assert "no such folder: archives/unit\n  put translators (.pt, .pth, .pt2) into it" in result.stderr
    (tmp_path / "archives" / "unit").mkdir(parents=True)
    result = run(tmp_path, checkpoints="archives/unit")
    assert result.exit_code == 2
    assert "no checkpoints (.pt, .pth, .pt2) in archives/unit\n  put translators" in result.stderr
    assert "name another folder as compare.all.checkpoints" in result.stderr


def test_sizes_of_unknown_checkpoints_are_refused(tmp_path: Path) -> None:
    result = run(tmp_path, shorter_sides={"dim16": 36})
    assert result.exit_code == 2
    assert "compare.all.shorter_sides: no such checkpoint: dim16; known are dim8" in result.stderr


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("city/rome", "no such form of the city: 'city/rome'; known are pittsburgh"),
        ("town/pittsburgh", "params.yaml has no fetch.town"),
    ],
)
def test_true_nights_of_nowhere_are_refused(place: str, wanted: str, tmp_path: Path) -> None:
    result = run(tmp_path, true_nights=place)
    assert result.exit_code == 2
    assert wanted in result.stderr


def test_a_fetched_checkpoint_is_called_as_fetch_calls_it() -> None:
    assert compare.FETCHED == fetch.CHECKPOINT
