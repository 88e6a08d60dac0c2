from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.derived import exclude_overlap as module
from pipeline.datasets.derived.exclude_overlap import Apart, exclude_overlap, require_no_overlap
from pipeline.datasets.image_set.image_names import Details, ImageName, name_at
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.runtime.errors import ParameterError, SetError

RADIUS = 25.0
# Three sides that a right triangle has exactly: (15, 20, 25).
BORDER = (515.0, 4520.0)


def made(root: Path, *images: tuple[float, float, str, bytes], zone: str = "54") -> ImageSet:
    """A set of queries: east and north in metres, panorama, and bytes in the place of an image."""
    writer = SetWriter(root)
    for east, north, pano_id, data in images:
        name = ImageName(f"{east:.2f}", f"{north:.2f}", zone, "S", pano_id=pano_id).encode()
        writer.add(f"images/test/queries/{name}", data, source="raw", width=4, height=4, time_of_day="day")
    return writer.finish()


@pytest.fixture
def tested(tmp_path: Path) -> ImageSet:
    return made(tmp_path / "tested", (500, 4500, "00001.jpg", b"one"), (900, 4500, "00399.jpg", b"two"))


def panoramas(root: Path) -> list[str]:
    return [ImageName.parse(row.name).pano_id for row in ImageSet.open(root).rows]


def test_leaves_out_the_same_pictures_and_those_near_one(tmp_path: Path, tested: ImageSet) -> None:
    source = made(
        tmp_path / "all",
        (500, 4500, "00001.jpg", b"other bytes"),
        (2000, 4500, "399.jpg", b"the number, far away"),
        (3000, 4500, "by_bytes", b"two"),
        (*BORDER, "on_the_border", b"3"),
        (515.01, 4520, "past_the_border", b"4"),
        (5000, 4500, "00004.jpg", b"5"),
    )
    done = exclude_overlap(source, tested, tmp_path / "kept", RADIUS)
    assert done == Apart(kept=2, same=3, near=1)
    assert str(done) == "2 images kept; left out 3 that are the same and 1 near"
    assert sorted(panoramas(tmp_path / "kept")) == ["00004.jpg", "past_the_border"]
    kept = ImageSet.open(tmp_path / "kept")
    assert {row.time_of_day for row in kept.rows} == {"day"}
    assert all(kept.path(row).samefile(source.path(row)) for row in kept.rows)


def test_the_same_file_name_is_the_same_picture(tmp_path: Path) -> None:
    one = (500.0, 4500.0, "panorama")
    source = made(tmp_path / "all", (*one, b"1"), (9000, 4500, "far", b"2"))
    done = exclude_overlap(source, made(tmp_path / "tested", (*one, b"3")), tmp_path / "kept", 0.0)
    assert done == Apart(kept=1, same=1, near=0)


def test_a_name_that_another_copy_cut_is_the_same_picture(tmp_path: Path) -> None:
    source = made(
        tmp_path / "all",
        (1000.01, 4500, "panorama", b"1"),
        (1000.02, 4500, "panorama", b"2"),
        (9000, 0, "p", b"3"),
    )
    other = made(tmp_path / "tested", (1000.00, 4499.99, "panorama", b"4"))
    assert exclude_overlap(source, other, tmp_path / "kept", 0.0) == Apart(kept=2, same=1, near=0)


def test_cities_in_many_zones_are_apart_where_they_meet(tmp_path: Path) -> None:
    places = {"london": (51.5, -0.1), "tokyo": (35.68, 139.7), "east": (51.5, 0.001)}

    def at(name: str, place: tuple[float, float], data: bytes) -> tuple[str, bytes]:
        return f"images/train/queries/{name_at(*place, Details(name)).encode()}", data

    def written(root: Path, *images: tuple[str, bytes]) -> ImageSet:
        writer = SetWriter(root)
        for name, data in images:
            writer.add(name, data, source="raw", width=4, height=4)
        return writer.finish()

    source = written(
        tmp_path / "all",
        *(at(name, place, name.encode()) for name, place in places.items()),
        at("west", (51.5, -0.0001), b"west"),
        at("sydney", (-33.9, 151.2), b"sydney"),
    )
    tested = written(
        tmp_path / "tested", at("tested", (35.6801, 139.7), b"1"), at("greenwich", (51.5, 0.0001), b"2")
    )
    # Across the border of zones 30 and 31 it is 14 m, in Tokyo 11.
    assert exclude_overlap(source, tested, tmp_path / "kept", 25.0) == Apart(kept=3, same=0, near=2)
    assert sorted(panoramas(tmp_path / "kept")) == ["east", "london", "sydney"]


def test_nothing_left_is_an_error_that_counts(tmp_path: Path, tested: ImageSet) -> None:
    source = made(tmp_path / "all", (0, 0, "00001.jpg", b"1"), (501, 4500, "near", b"2"))
    with pytest.raises(SetError, match=r"no image of .*all is apart .*: 1 of 2 are in both, the others"):
        exclude_overlap(source, tested, tmp_path / "kept", RADIUS)
    assert not (tmp_path / "kept").exists()


def test_other_zones_are_refused(tmp_path: Path, tested: ImageSet) -> None:
    source = made(tmp_path / "all", (0, 0, "far", b"1"), zone="17")
    with pytest.raises(SetError, match=r"in neighbouring ones, found .*all: 17; .*tested: 54"):
        exclude_overlap(source, tested, tmp_path / "kept", RADIUS)


def test_zones_without_a_letter_are_not_taken_for_one_another(tmp_path: Path) -> None:
    def lettered(root: Path, zone: str) -> ImageSet:
        writer = SetWriter(root)
        name = ImageName("585000.00", "4477000.00", zone, pano_id=root.name).encode()
        writer.add(f"images/test/queries/{name}", root.name.encode(), source="raw", width=4, height=4)
        return writer.finish()

    tested = lettered(tmp_path / "tested", "17")
    with pytest.raises(SetError, match=r"in neighbouring ones, found .*all: 54; .*tested: 17"):
        exclude_overlap(lettered(tmp_path / "all", "54"), tested, tmp_path / "kept", RADIUS)
    with pytest.raises(SetError, match="the others are at most 25 m away"):
        exclude_overlap(lettered(tmp_path / "same", "17"), tested, tmp_path / "kept", RADIUS)


@pytest.mark.parametrize("radius", [-1.0, math.nan, math.inf])
def test_a_radius_is_a_number_of_metres(tmp_path: Path, tested: ImageSet, radius: float) -> None:
    with pytest.raises(ParameterError, match="radius must be 0 metres or more, not"):
        exclude_overlap(tested, tested, tmp_path / "kept", radius)


@pytest.mark.parametrize("broken", ["_near", "_same"])
def test_a_selection_that_is_wrong_does_not_become_a_set(
    tmp_path: Path, tested: ImageSet, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    source = made(tmp_path / "all", (9000, 4500, "by_bytes", b"one"), (*BORDER, "on_the_border", b"3"))
    wrong = "on_the_border" if broken == "_near" else "by_bytes"
    # The mistake that the assertion is there for: one way of leaving out finds nothing.
    whole = getattr(module, broken)
    monkeypatch.setattr(module, broken, lambda *arguments: whole(*arguments) & False)
    with pytest.raises(
        SetError, match=rf"also in .*within 25 m of its images:\s+images/.*@{wrong}@.* and .*@00001"
    ):
        exclude_overlap(
            source, made(tmp_path / "other", (500, 4500, "00001.jpg", b"one")), tmp_path / "kept", RADIUS
        )
    assert not (tmp_path / "kept").exists()


def test_the_assertion_names_both_pictures_and_their_distance(tmp_path: Path, tested: ImageSet) -> None:
    near = made(tmp_path / "near", (*BORDER, "on_the_border", b"3"))
    with pytest.raises(SetError, match=r"@on_the_border@.* and .*@00001\.jpg@.* \(25\.00 m\)"):
        require_no_overlap(near, tested, RADIUS)
    require_no_overlap(near, tested, RADIUS - 0.01)


metres = st.integers(0, 6000).map(lambda centimetres: centimetres / 100)
positions = st.lists(st.tuples(metres, metres), min_size=1, max_size=12, unique=True)


@settings(max_examples=60)
@given(mine=positions, theirs=positions, radius=st.sampled_from([0.0, 0.5, 5.0, 25.0]))
def test_keeps_just_what_is_further_away_than_the_radius(
    mine: list[tuple[float, float]], theirs: list[tuple[float, float]], radius: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = made(root / "all", *((*at, f"mine{i}", f"mine{i}".encode()) for i, at in enumerate(mine)))
        other = made(root / "other", *((*at, f"test{i}", f"test{i}".encode()) for i, at in enumerate(theirs)))
        wanted = [
            row.name
            for row in source.rows
            if all(math.hypot(row.east - one.east, row.north - one.north) > radius for one in other.rows)
        ]
        if wanted:
            exclude_overlap(source, other, root / "kept", radius)
            assert [row.name for row in ImageSet.open(root / "kept").rows] == wanted
        else:
            with pytest.raises(SetError, match="no image of"):
                exclude_overlap(source, other, root / "kept", radius)
