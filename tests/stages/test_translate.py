"""The stage `translate` with generators of others: sets of the days' size, made as UNIT's are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.records.provenance import read_origins
from stages import translate
from tests.stages.project_folder import write_day_set
from tests.unit.generators.files import PUBLISHED, assert_levels, file_of, levels_of
from tests.unit.generators.plain import LAYOUTS, drawn
from unit.translation.translate import UnitTranslator

SECTION: dict[str, Any] = {
    "day": "street",
    "direction": "day2night",
    "shorter_side": "None",
    "stretch": "none",
    "size": "source",
    "detail": "network",
    "dtype": "float32",
    "format": "png",
    "quality": 90,
    "max_failed": 0,
    "shards_above": 100,
}


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The command asks to die with its parent, which here is the test runner's own.
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    write_day_set(tmp_path, "street", 3)


def run(checkpoint: Path, **changes: object) -> Result:
    options = [f"--{name}={value}" for name, value in (SECTION | changes).items()]
    given = ["--name", "street_night", f"--checkpoint={checkpoint}", *options]
    return CliRunner().invoke(translate.main, given)


def test_nights_of_a_cyclegan_have_their_days_size_and_the_published_levels(tmp_path: Path) -> None:
    checkpoint = file_of("cyclegan", tmp_path)
    result = run(checkpoint)
    assert result.exit_code == 0, result.output
    assert "padded" not in result.output
    day, night = (ImageSet.open(tmp_path / "data" / "sets" / name) for name in ("street", "street_night"))
    assert len(night.rows) == len(day.rows) == 3
    for one, other in zip(day.rows, night.rows, strict=True):
        pixels, found = read_rgb(day.read(one)), read_rgb(night.read(other))
        assert found.shape == pixels.shape
        wanted = levels_of(drawn(LAYOUTS["cyclegan"]()), pixels)
        assert_levels(found, wanted[: pixels.shape[0], : pixels.shape[1]])
    recipe = json.loads((night.root / "recipe.json").read_text())
    assert recipe["translator"] == "resnet"
    assert json.loads(recipe["settings"])["network"]["blocks"] == 2
    assert ", generators 1" in recipe["numeric_path"]
    assert {origin.translator for origin in read_origins(night.root)} == {"resnet"}
    # Nothing is made twice.
    assert "(0 newly translated" in run(checkpoint).output


def test_a_unet_says_that_it_pads(tmp_path: Path) -> None:
    result = run(file_of("unet", tmp_path))
    assert result.exit_code == 0, result.output
    assert "sides that are not multiples of 32 were padded by reflection, then cropped" in result.output


def test_optional_choices_are_options_too(tmp_path: Path) -> None:
    checkpoint = file_of("hedngan", tmp_path)
    result = run(checkpoint, norm_statistics="image")
    assert result.exit_code == 0, result.output
    recipe = json.loads((tmp_path / "data" / "sets" / "street_night" / "recipe.json").read_text())
    assert json.loads(recipe["settings"])["norm_statistics"] == "image"
    assert recipe["translator_digest"] != UnitTranslator(checkpoint, PUBLISHED).digest


def test_what_is_no_generator_ends_the_stage_in_words(tmp_path: Path) -> None:
    (tmp_path / "given.pth").write_bytes(b"PK no checkpoint")
    result = run(tmp_path / "given.pth")
    assert result.exit_code == 2
    assert "is not a checkpoint that is safe to open" in result.output


def test_a_shorter_side_may_be_null_and_not_left_out(tmp_path: Path) -> None:
    options = [f"--{name}={value}" for name, value in SECTION.items() if name != "shorter_side"]
    result = CliRunner().invoke(translate.main, ["--name", "x", "--checkpoint=x.pt", *options])
    assert result.exit_code == 2
    assert "Missing option '--shorter_side'" in result.output.replace('"', "'")
    assert "expected a whole number [pixels, at least 1]" in run(tmp_path / "x.pt", shorter_side="nil").output
