"""The stage `image_lists`, and what `train_unit` makes of a side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from pipeline.runtime.errors import ParameterError
from stages.image_lists import main
from stages.training_sides import read_side

OWN = Path("data/image_lists/own_day")


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), ord(name[0])).save(tmp_path / name / "picture.jpg")


def listed(**folders: str) -> dict[str, Any]:
    """List these folders as own_day; the section `image_lists` that has them."""
    for name, folder in folders.items():
        done = CliRunner().invoke(main, ["--name", name, "--side", "own_day", "--folder", folder])
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith(f"image_lists@{name}: 1 images of {folder}")
    return {"image_lists": {name: {"side": "own_day", "folder": at} for name, at in folders.items()}}


def test_a_side_is_all_folders_that_the_parameters_name_for_it() -> None:
    params = listed(first="one", second="two")
    params["image_lists"]["other"] = {"side": "own_night", "folder": "never_listed"}
    assert [picture.name for picture in read_side(OWN, params).pictures] == [
        "first/picture.jpg",
        "second/picture.jpg",
    ]


def test_the_listing_of_an_entry_that_was_removed_is_not_read() -> None:
    params = listed(first="one", second="two")
    del params["image_lists"]["second"]
    assert (OWN / "second.csv").is_file()
    assert [picture.name for picture in read_side(OWN, params).pictures] == ["first/picture.jpg"]


def test_any_other_place_is_a_folder_of_pictures() -> None:
    assert read_side(Path("one"), {"image_lists": {}}).paths == (Path("one/picture.jpg"),)


def test_a_side_without_folders_is_refused_with_those_that_have_some() -> None:
    params = listed(first="one")
    with pytest.raises(ParameterError, match="for the side own_nights; it has folders for: own_day"):
        read_side(OWN.with_name("own_nights"), params)
    with pytest.raises(ParameterError, match="it has folders for: none"):
        read_side(OWN, {"image_lists": {}})


@pytest.mark.parametrize("side", ["", "..", "own/day", "/own_day"])
def test_a_side_is_a_name(side: str) -> None:
    done = CliRunner().invoke(main, ["--name", "first", "--side", side, "--folder", "one"])
    assert done.exit_code != 0
    assert f"image_lists.first: side must be a name, not {side!r}" in done.output
