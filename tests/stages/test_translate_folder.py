"""`duskline translate`: one translator of two kinds, and no option that it would not heed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pipeline.core.files import digest_file
from pipeline.core.image_io import read_rgb
from pipeline.night.photometric.photometric import STYLES, PhotometricTranslator
from stages.translate_folder import main
from stages.unit_factory import as_published
from tests.night.fakes import picture
from tests.unit.generators.files import PUBLISHED, file_of
from unit.shipped import CITY
from unit.translation.translate import UnitTranslator

CHECKPOINT = Path(__file__).parents[1] / "data" / "unit" / "gen_dim8.pt"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    (tmp_path / "days" / "rome").mkdir(parents=True)
    (tmp_path / "days" / "rome" / "a.jpg").write_bytes(picture(1, 32, 24))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["days", "nights", "--format", "png", *arguments])


@pytest.mark.parametrize("style", STYLES)
def test_photometric_nights_need_no_weights(style: str, tmp_path: Path) -> None:
    result = run("--photometric", style)
    assert result.exit_code == 0, result.output
    assert "1 nights (1 newly translated" in result.stdout
    night = read_rgb(tmp_path / "nights" / "rome" / "an.png")
    assert np.array_equal(night, PhotometricTranslator(style)(read_rgb(picture(1, 32, 24))))


def test_a_checkpoint_translates_as_before(tmp_path: Path) -> None:
    result = run("--checkpoint", str(CHECKPOINT), "--shorter-side", "24", "--stretch", "none")
    assert result.exit_code == 0, result.output
    assert read_rgb(tmp_path / "nights" / "rome" / "an.png").shape == (24, 32, 3)


def test_the_shipped_weights_are_found_from_everywhere(tmp_path: Path) -> None:
    result = run("--checkpoint", "unit/weights/city.pt", "--shorter-side", "24")
    assert result.exit_code == 0, result.output
    assert digest_file(CITY) in (tmp_path / "nights" / "recipe.json").read_text()


def test_another_checkpoint_of_that_name_is_the_one_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "unit" / "weights").mkdir(parents=True)
    (tmp_path / "unit" / "weights" / "city.pt").write_bytes(CHECKPOINT.read_bytes())
    result = run("--checkpoint", "unit/weights/city.pt", "--shorter-side", "24")
    assert result.exit_code == 0, result.output
    assert digest_file(CHECKPOINT) in (tmp_path / "nights" / "recipe.json").read_text()


@pytest.mark.parametrize("arguments", [(), ("--checkpoint", str(CHECKPOINT), "--photometric", "meant")])
def test_it_is_one_of_the_two(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Give either --checkpoint FILE or --photometric STYLE." in result.stderr
    assert not (tmp_path / "nights").exists()


@pytest.mark.parametrize(
    "option",
    [
        ("--direction", "day2night"),
        ("--shorter-side", "512"),
        ("--stretch", "none"),
        ("--size", "model"),
        ("--dtype", "float32"),
    ],
)
def test_options_of_a_checkpoint_are_refused_with_a_style(option: tuple[str, str], tmp_path: Path) -> None:
    result = run("--photometric", "meant", *option)
    assert result.exit_code == 2
    assert f"{option[0]}: only for a --checkpoint" in result.stderr
    assert not (tmp_path / "nights").exists()


@pytest.mark.parametrize(("layout", "size"), [("cyclegan", (30, 22)), ("unet", (32, 24))])
def test_a_generator_of_others_makes_its_pictures_as_published(
    layout: str, size: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "days" / "rome" / "a.jpg").write_bytes(picture(1, *size))
    checkpoint = file_of(layout, tmp_path)
    result = run("--checkpoint", str(checkpoint), "--dtype", "float32")
    assert result.exit_code == 0, result.output
    assert ("padded by reflection" in result.stdout) == (layout == "unet")
    pixels = read_rgb(picture(1, *size))
    wanted = UnitTranslator(checkpoint, replace(PUBLISHED, size="source"))(pixels)
    night = read_rgb(tmp_path / "nights" / "rome" / "an.png")
    assert night.shape == (size[1], size[0], 3)
    assert np.array_equal(night, wanted)


def test_as_published_is_another_thing_for_each_kind(tmp_path: Path) -> None:
    assert as_published(CHECKPOINT) == {"shorter_side": 512, "stretch": "minmax"}
    assert as_published(file_of("cut", tmp_path)) == {"shorter_side": None, "stretch": "none"}
    # What is asked for wins, also where it is the image's own size.
    result = run("--checkpoint", str(CHECKPOINT), "--shorter-side", "null", "--size", "model")
    assert result.exit_code == 0, result.output
    assert read_rgb(tmp_path / "nights" / "rome" / "an.png").shape == (24, 32, 3)
