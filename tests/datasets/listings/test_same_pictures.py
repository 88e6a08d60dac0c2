"""Names of two copies of one set: cut, rounded, and of other images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.image_set.image_names import Details, name_at
from pipeline.datasets.listings.same_pictures import SamePictures
from tests.datasets.raw_forms import golden

PAIRS = [
    (row["before_2024_05_22"], row["name"])
    for row in golden("today_sets.json")["msls"]["rows"]
    if row["name"] is not None
]
FULL = "images/test/queries/@0549612.46@4178795.78@10@S@037.75510@-122.43661@pano@@120@@@@201311@@.jpg"


def test_the_worked_names_of_both_formatters_mean_each_other() -> None:
    assert len(PAIRS) == 9
    assert sum(one != other for one, other in PAIRS) == 7
    before, now = (SamePictures(names) for names in zip(*PAIRS, strict=True))
    for cut, rounded in PAIRS:
        assert now.meant_by(cut) == rounded
        assert before.meant_by(rounded) == cut


@pytest.mark.parametrize(
    "other",
    [
        FULL.replace("46@", "48@"),  # two units
        FULL.replace("549612.46", "549612.5"),
        FULL.replace("@pano@", "@another@"),
        FULL.replace("@120@", "@121@"),
        FULL.replace("201311", "201312"),
        FULL.replace("queries", "database"),
        FULL.replace("@10@S@", "@11@S@"),
        FULL.replace("@.jpg", "@n.jpg"),
        FULL.replace("37.75510", "37.75512"),
        FULL.replace("037.75510", ""),
        "@1@2@.jpg",
    ],
)
def test_other_pictures_are_not_meant(other: str) -> None:
    assert SamePictures([FULL]).meant_by(other) is None
    assert SamePictures([other]).meant_by(FULL) is None


def test_the_same_name_is_meant_before_any_other() -> None:
    near = FULL.replace("612.46", "612.47")
    known = SamePictures([FULL, near])
    assert known.meant_by(near) == near
    assert known.meant_by(FULL.replace("795.78", "795.79")) is None  # either may be meant
    assert SamePictures([FULL]).meant_by(near) == FULL


@pytest.mark.parametrize("pano_id", ["", "None"])
def test_a_position_alone_means_only_itself(pano_id: str) -> None:
    name = name_at(37.0, 12.0, Details(pano_id)).encode()
    moved = name.replace("@037.00000@", "@037.00001@")
    assert moved != name
    assert SamePictures([name]).meant_by(moved) is None
    assert SamePictures([name]).meant_by(name) == name


@given(st.floats(-79, 79), st.floats(-179, 179))
def test_every_cut_position_means_the_rounded_one(latitude: float, longitude: float) -> None:
    rounded = name_at(latitude, longitude, Details("pano"))
    digits = {
        field: getattr(rounded, field) for field in ("utm_easting", "utm_northing", "latitude", "longitude")
    }
    cut = rounded.encode()
    for text in digits.values():
        if text[-1] != "0":
            cut = cut.replace(f"@{text}@", f"@{text[:-1]}{int(text[-1]) - 1}@", 1)
    assert SamePictures([rounded.encode()]).meant_by(cut) == rounded.encode()
