"""The stage `photometric`: a night set like any other, by another translator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.provenance import read_origins
from stages.photometric import main
from tests.stages.project_folder import write_day_set


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    write_day_set(tmp_path, "street", 3)


def run(style: str, *, form: str = "png") -> Result:
    options = {
        "day": "street",
        "style": style,
        "format": form,
        "quality": "90",
        "max_failed": "0",
        "shards_above": "9",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(main, ["--name", "street_night", *arguments])


@pytest.mark.parametrize("style", ["literal", "classical"])
def test_a_set_of_nights_that_know_their_origin(style: str, tmp_path: Path) -> None:
    result = run(style)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("photometric@street_night: 3 nights (3 newly translated")
    day, night = (ImageSet.open(tmp_path / "data" / "sets" / name) for name in ("street", "street_night"))
    translator = PhotometricTranslator(style)
    assert len(night.rows) == 3
    for row in night.rows:
        assert np.array_equal(read_rgb(night.path(row)), translator(read_rgb(day.root / row.source)))
    for origin in read_origins(night.root):
        assert origin.translator == "photometric"
        assert origin.checkpoint_digest == translator.record()["checkpoint_digest"]
        assert origin.status == "done"


def test_only_what_is_new_is_made_and_another_style_is_new() -> None:
    assert "(3 newly translated" in run("meant").stdout
    assert "(0 newly translated" in run("meant").stdout
    assert "(3 newly translated" in run("literal").stdout


def test_an_unknown_style_is_refused() -> None:
    result = run("noir")
    assert result.exit_code == 2
    assert "'noir' is not one of 'literal', 'meant', 'classical'" in result.stderr
