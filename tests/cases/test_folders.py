"""Files and names in people's folders that stop what looks at them: named, and never in the way of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.readers.folder_listing import list_photographs
from pipeline.runtime.errors import SetError, UserError
from tests.datasets.own_photographs import made_set, make, settings


@pytest.mark.parametrize("stem", ["123.jpg", "00123.jpg", "00123.JPEG.jpg"])
def test_x7_a_suffix_twice_is_no_number_of_tokyo(tmp_path: Path, stem: str) -> None:
    folder = make(tmp_path / "photos", {f"queries/{stem}.jpg": {}, f"database/{stem}.jpg": {}})
    made = made_set(folder, tmp_path / "set")
    [query] = made.where(role="queries")
    assert f"@{stem[: stem.index('.')]}@" in query.name
    with pytest.raises(SetError, match="1 of 1 queries have no time of day"):
        select_time(made, tmp_path / "nights", "night", None)


@pytest.mark.parametrize(
    "place", ["../coordinates.csv", "/photos/coordinates.csv", "a/../../coordinates.csv"]
)
def test_x6_a_csv_beside_the_folder_is_refused(place: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not in the folder of photographs; .* an edit would rerun nothing"
    ):
        settings(coordinates=place)


def test_x6_a_csv_behind_a_linked_folder_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "photos", {"a.jpg": {}})
    (tmp_path / "tables").mkdir()
    (folder / "coordinates.csv").rename(tmp_path / "tables" / "coordinates.csv")
    (folder / "tables").symlink_to(tmp_path / "tables")
    with pytest.raises(UserError, match="lies behind a linked folder, where DVC does not look"):
        list_photographs(folder, "tables/coordinates.csv")
    # Of a linked file DVC looks at the content.
    (folder / "coordinates.csv").symlink_to(tmp_path / "tables" / "coordinates.csv")
    assert len(list_photographs(folder, "coordinates.csv")) == 1
