"""`duskline sets`: what params.yaml asks for, made or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.datasets.writing.set_writer import SetWriter
from stages.sets import main


@pytest.fixture(autouse=True)
def in_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_made_sets_are_counted_and_missing_ones_say_how_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("format: {street: {}}\ntranslate: {street_night: {}}\nselect: {}\n")
    writer = SetWriter(tmp_path / "data" / "sets" / "street")
    for number in range(3):
        role = "queries" if number == 2 else "database"
        writer.add(
            f"images/train/{role}/@000000{number}.00@2@.jpg", b"x" * 500_000, source="a", width=1, height=1
        )
    writer.finish()
    result = CliRunner().invoke(main)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "dataset                  made by       images       MB  database + queries",
        "street                   format             3      1.5  train 2 + 1",
        "street_night             translate  not made yet; run: dvc repro translate@street_night",
        "Each is a folder in data/sets/.",
    ]


def test_no_parameters_is_a_clear_error() -> None:
    result = CliRunner().invoke(main)
    assert result.exit_code == 2
    assert "no parameter file params.yaml" in result.stderr
    assert "cp profiles/city.yaml params.yaml" in result.stderr
