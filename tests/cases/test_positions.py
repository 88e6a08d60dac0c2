"""Positions in one grid: borders of zones, the equator, degrees in names, GPS without a valid position."""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import ExifTags, Image

from pipeline.datasets.derived.exclude_overlap import Apart, exclude_overlap
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.photo_metadata import read_header
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.readers.folder_listing import list_photographs
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.image_set.radius_search import within
from pipeline.datasets.image_set.utm_grid import UtmGrid
from pipeline.datasets.upkeep.export import export_set
from pipeline.report.sets.statistics import write_statistics
from pipeline.runtime.errors import SetError, UserError
from stages.format import main as format_stage
from tests.datasets.formatting.readers.test_gsv_cities import city, members
from tests.datasets.made_sets import night_set
from tests.datasets.own_photographs import made_set, make, told
from tests.datasets.raw_forms import jpeg, picture, write_zip

# Degrees of six metres along the equator.
STEP = 6 / 111_320
NORTH_OF_LIEGE = 50.6
ACROSS = STEP / math.cos(math.radians(NORTH_OF_LIEGE))


def street(folder: Path, places: Sequence[tuple[float, float]], split: str = "test") -> Path:
    """Photographs p00, p01, ... at these places, by turns of the database and queries."""
    roles = ("database", "queries")
    rows = {
        f"{split}/{roles[n % 2]}/p{n:02d}.jpg": {"latitude": f"{north:.7f}", "longitude": f"{east:.7f}"}
        for n, (north, east) in enumerate(places)
    }
    # Images of their own, for `apart` tells the same ones by their bytes.
    data = {path: jpeg(seed=zlib.crc32(f"{folder.name}/{path}".encode())) for path in rows}
    return make(folder, rows, data)


def across_six_east(shift: float = 0.0) -> list[tuple[float, float]]:
    """Six places on either side of a border of zones, six metres apart."""
    return [(NORTH_OF_LIEGE, 6 + (n - 5.5 + shift) * ACROSS) for n in range(12)]


def by_source(images: ImageSet) -> list[ImageRow]:
    return sorted(images.rows, key=lambda row: row.source.rpartition("/")[2])


def steps(images: ImageSet) -> list[float]:
    """Distances from each image to the next one, by the numbers that every reader takes from the names."""
    at = [(row.east, row.north) for row in by_source(images)]
    return [math.dist(one, other) for one, other in itertools.pairwise(at)]


def zones(images: ImageSet) -> set[str]:
    return {row.file_name.split("@")[3] for row in images.rows}


def test_a_street_across_a_zone_border_is_one_street(tmp_path: Path) -> None:
    made = made_set(street(tmp_path / "photos", across_six_east()), tmp_path / "set")
    assert steps(made) == pytest.approx([6.0] * 11, abs=0.03)
    assert zones(made) == {"31"}
    assert {row.positions_in for row in made.rows} == {"utm 31N"}


def test_the_zone_is_that_of_most_pictures(tmp_path: Path) -> None:
    made = made_set(street(tmp_path / "photos", across_six_east(shift=2)), tmp_path / "set")
    assert zones(made) == {"32"}
    assert steps(made) == pytest.approx([6.0] * 11, abs=0.03)


def test_queries_find_what_is_eight_metres_away_across_a_zone_border(tmp_path: Path) -> None:
    pavements = [(NORTH_OF_LIEGE + n // 2 * 54e-5, 6 + (4 if n % 2 else -4) / 6 * ACROSS) for n in range(12)]
    made = made_set(street(tmp_path / "photos", pavements, "train"), tmp_path / "set")
    database, queries = (made.where("train", role) for role in ("database", "queries"))
    at = [np.array([(row.east, row.north) for row in rows]) for rows in (queries, database)]
    assert [len(found) for found in within(*at, radius=10.0)] == [1] * 6
    assert np.linalg.norm(at[0] - at[1], axis=1) == pytest.approx([8.0] * 6, abs=0.03)


def test_a_street_over_the_equator_has_one_northing(tmp_path: Path) -> None:
    made = made_set(
        street(tmp_path / "photos", [((n - 5.5) * STEP, 32.55) for n in range(12)]), tmp_path / "s"
    )
    assert steps(made) == pytest.approx([6.0] * 11, abs=0.06)
    first, last = by_source(made)[0], by_source(made)[-1]
    assert (first.north, last.north) == pytest.approx((-33, 33), abs=0.4)
    assert first.positions_in == "utm 36N"
    assert {row.file_name.split("@")[4] for row in made.rows} == {"N"}
    south = made_set(
        street(tmp_path / "more", [((n - 9.5) * STEP, 32.55) for n in range(12)]), tmp_path / "t"
    )
    assert steps(south) == pytest.approx([6.0] * 11, abs=0.06)
    assert max(row.north for row in south.rows) == pytest.approx(10_000_009, abs=0.4)
    assert {row.file_name.split("@")[4] for row in south.rows} == {"M"}


def test_a_street_over_the_antimeridian_is_one_street(tmp_path: Path) -> None:
    places = [
        (-17.0, (180 + (n - 5.5) * STEP / math.cos(math.radians(17)) + 180) % 360 - 180) for n in range(12)
    ]
    made = made_set(street(tmp_path / "photos", places), tmp_path / "set")
    assert steps(made) == pytest.approx([6.0] * 11, abs=0.03)
    assert zones(made) == {"01"}


def test_the_summary_says_what_was_brought_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    street(tmp_path / "photos", across_six_east(shift=2))
    section = {"raw": "photos", "form": "folder", "coordinates": "coordinates.csv", "split_by": "folder"}
    section |= {"queries_by": "folder", "jpeg_quality": 90}  # type: ignore[dict-item]
    params = {"format": {"street": section}, "sets": {"shards_above": 100}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    done = CliRunner().invoke(format_stage, ["--name", "street"])
    assert done.exit_code == 0, done.output
    assert (
        "12 images (test/database 6, test/queries 6); 4 converted from UTM zone 31N to 32N in " in done.output
    )


def test_the_summary_names_the_zone_of_each_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    london = [*city("London", 2, 51.5, -0.001), *city("London", 3, 51.6, 0.001)[6:]]
    write_zip(tmp_path / "gsv" / "archive.zip", members([*london, *city("Melbourne", 1, -37.8, 144.96)]))
    section = {"raw": "gsv", "form": "gsv_cities", "cities": None, "val_share": 0.0, "seed": 0}
    params = {"format": {"gsv": section}, "sets": {"shards_above": 100}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    done = CliRunner().invoke(format_stage, ["--name", "gsv"])
    assert "; 3 converted from UTM zone 31N to 30N in " in done.output


def test_a_folder_that_spans_too_many_zones_is_refused_by_both_ends(tmp_path: Path) -> None:
    places = [(45.0, 7.6), (45.0, 7.7), (45.1, 7.6), (45.1, 18.5), (45.0, 7.5)]
    message = told(street(tmp_path / "photos", places))
    assert "span too many UTM zones for one dataset: most are in 32N, but 1 so far away" in message
    assert "test/database/p04.jpg at 45.00000, 7.50000" in message
    assert "test/queries/p03.jpg at 45.10000, 18.50000" in message


@pytest.mark.parametrize(
    ("places", "south", "north"),
    [
        # A digit that was lost.
        ([(45.06, 7.68), (4.506, 7.68), (45.061, 7.68)], "p01.jpg at 4.50600", "p02.jpg at 45.06100"),
        # A minus that was lost.
        ([(-23.549, -46.63), (-23.55, -46.63), (23.549, -46.63)], "p01.jpg at -23.55", "p02.jpg at 23.549"),
    ],
)
def test_a_folder_that_spans_too_far_to_the_north_is_refused_by_both_ends(
    tmp_path: Path, places: list[tuple[float, float]], south: str, north: str
) -> None:
    message = told(street(tmp_path / "photos", places))
    assert "span more than 2,000 km from south to north" in message
    assert south in (ends := message.partition("northernmost:")[2])
    assert north in ends


def far_pictures(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines below the warning about images that are far from the others."""
    said = [message for message in caplog.messages if "more than about 50 km from the others" in message]
    return said[0].splitlines()[1:] if said else []


def test_a_photograph_with_latitude_and_longitude_exchanged_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    abuja = [(9.06 + n * 1e-4, 7.49) for n in range(4)]
    made = made_set(street(tmp_path / "photos", [*abuja, abuja[3][::-1]]), tmp_path / "set")
    assert len(made.rows) == 5
    assert far_pictures(caplog) == ["    test/database/p04.jpg at 007.49000, 0009.06030"]
    assert "1 of 5 images are more than" in caplog.text


def test_photographs_that_are_wrong_together_are_named_by_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside each other they are none the less far from most."""
    turin = [(45.06 + n * 1e-3, 7.68) for n in range(5)]
    places = [*turin, (46.06, 7.68), (46.06, 7.68), (44.06, 7.68)]
    made_set(street(tmp_path / "photos", places), tmp_path / "set")
    assert far_pictures(caplog) == [
        "    test/queries/p07.jpg at 044.06000, 0007.68000",
        "    test/database/p06.jpg at 046.06000, 0007.68000, and 1 near it",
    ]
    assert "3 of 8 images are more than" in caplog.text


def test_a_long_way_without_a_gap_is_welcome(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A railway of 800 km, an image every 40."""
    places = [(60 + n * 0.36, 10.0) for n in range(20)]
    assert len(made_set(street(tmp_path / "photos", places), tmp_path / "set").rows) == 20
    assert caplog.messages == []


def test_a_folder_of_two_zones_is_one_set(tmp_path: Path) -> None:
    made = made_set(street(tmp_path / "photos", [(45.0, 7.6), (45.0, 7.7), (45.0, 17.0)]), tmp_path / "set")
    assert zones(made) == {"32"}


def test_what_is_made_of_a_set_keeps_its_grid(tmp_path: Path) -> None:
    day = made_set(street(tmp_path / "photos", across_six_east()), tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    assert {row.positions_in for row in export_set(day, tmp_path / "out").rows} == {"utm 31N"}
    counted = write_statistics(tmp_path / "statistics", day, pictures=1, workers=1)
    assert (counted.unit, counted.positions_in) == ("m", "")
    assert counted.extent == pytest.approx((66, 3), abs=0.5)
    with pytest.raises(
        SetError, match=r"are in different units or UTM zones: .*day: utm 31N; .*night: metres"
    ):
        merge_sets(day, night, tmp_path / "both", 1.0, 0)


@pytest.mark.parametrize("shift", [0.0, 9.0])
def test_sets_on_either_side_of_a_border_are_held_apart_by_true_metres(tmp_path: Path, shift: float) -> None:
    east = made_set(
        street(tmp_path / "one", [(NORTH_OF_LIEGE, 6 + (n + 1) * ACROSS) for n in range(4)]),
        tmp_path / "east",
    )
    west = made_set(
        street(tmp_path / "two", [(NORTH_OF_LIEGE, 6 - (n + shift) * ACROSS) for n in range(1, 13)]),
        tmp_path / "west",
    )
    assert (zones(east), zones(west)) == ({"32"}, {"31"})
    near = sum((n + shift + 1) * 6 <= 25 for n in range(1, 13))
    done = exclude_overlap(west, east, tmp_path / "kept", 25.0)
    assert done == Apart(kept=12 - near, same=0, near=near)


def test_sets_on_either_side_of_the_equator_are_held_apart_by_true_metres(tmp_path: Path) -> None:
    north, south = (
        made_set(
            street(tmp_path / side, [(sign * n * STEP, 32.55) for n in range(1, 7)]), tmp_path / f"{side}_set"
        )
        for side, sign in (("north", 1), ("south", -1))
    )
    assert exclude_overlap(south, north, tmp_path / "kept", 25.0) == Apart(kept=3, same=0, near=3)


# Names of the common layout.


def common(folder: Path, *names: str) -> ImageSet:
    for number, name in enumerate(names):
        file = folder / "images" / "test" / ("queries" if number % 2 else "database") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(seed=number))
    return format_set(read_common(folder, CommonSettings("refuse"), folder), folder / "set", workers=1)


def local(east: float, north: float, decimals: int, rest: str = "@" * 12) -> str:
    return f"@{east:.{decimals}f}@{north:.{decimals}f}{rest}@.jpg"


def test_degrees_in_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"1 and 2 of 12 of 12 names are not metres: they look like degrees"
    ) as caught:
        common(tmp_path, *(local(45.06 + n * 9e-4, 7.68, 6) for n in range(12)))
    assert "@45.060000@7.680000@" in caught.value.message
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    "names",
    [
        [local(7.68, 45.06 + n * 9e-4, 5) for n in range(6)],
        # As a number is printed when nobody says how.
        [f"@{45.06 + n * 9e-4}@7.68{'@' * 13}.jpg" for n in range(6)],
        [local(-33.86 - n * 1e-2, 151.2 + n * 0.5, 4) for n in range(6)],
        # Two cities on two continents.
        [local(45.06 + n * 9e-4, 7.68, 6) for n in range(6)]
        + [local(-33.86 - n * 9e-4, 151.2, 6) for n in range(6)],
        [local(45 + n / 2, 7 + n * 9, 2, f"@@@{45 + n / 2}@{7 + n * 9}@@@@@@@@") for n in range(6)],
    ],
)
def test_other_degrees_are_told(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UserError, match="they look like degrees"):
        common(tmp_path, *names)


@pytest.mark.parametrize(
    "names",
    [
        # Of a walk by SLAM, ten images a second.
        [local(12 * math.cos(n / 80), 30 * math.sin(n / 80), 6) for n in range(200)],
        [local(n * 3.0, n % 2, 2) for n in range(12)],
        # A room, in centimetres.
        [local(n * 0.3, n % 2, 2) for n in range(12)],
    ],
)
def test_local_metres_are_welcome(tmp_path: Path, names: list[str]) -> None:
    made = common(tmp_path, *names)
    assert {row.file_name for row in made.rows} == set(names)
    assert made.positions_in == ""


def test_a_name_at_0_0_among_utm_metres_is_told(tmp_path: Path) -> None:
    names = [local(585_000 + n, 4_477_000, 2, f"@17@T@@@{n}@@@@@@@") for n in range(3)]
    with pytest.raises(UserError, match=r"1 of 4 names are not metres: .*no position.*\n    .*@0\.00@0\.00@"):
        common(tmp_path, *names, local(0, 0, 2))


def test_a_split_within_the_radius_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    common(tmp_path / "near", *(local(585_000 + n, 4_477_000, 2) for n in range(26)))
    assert "all 26 images of test are within 25 m of each other" in caplog.text
    caplog.clear()
    common(tmp_path / "far", *(local(585_000 + n, 4_477_000, 2) for n in range(27)))
    assert caplog.text == ""


def in_zone(grid: UtmGrid, places: Sequence[tuple[float, float]]) -> list[str]:
    return [
        f"@{east:.2f}@{north:.2f}@{grid.zone:02d}@{grid.band(place[0])}@@@{number}@@@@@@@@.jpg"
        for number, ((east, north), place) in enumerate(zip(grid.metres(places), places, strict=True))
    ]


def test_names_of_two_zones_that_meet_are_refused_by_both(tmp_path: Path) -> None:
    west, east = across_six_east()[:6], across_six_east()[6:]
    names = [*in_zone(UtmGrid(31, True), west), *in_zone(UtmGrid(32, True), east)]
    with pytest.raises(UserError, match="the border of the UTM zones 31N and 32N") as caught:
        common(tmp_path, *names)
    # The nearest two.
    assert names[5] in caught.value.message
    assert names[6] in caught.value.message


def test_names_on_both_sides_of_the_equator_are_refused(tmp_path: Path) -> None:
    names = [
        *in_zone(UtmGrid(36, False), [(-STEP, 32.55)]),
        *in_zone(UtmGrid(36, True), [(STEP, 32.55), (3 * STEP, 32.55)]),
    ]
    with pytest.raises(UserError, match="the border of the UTM zones 36S and 36N"):
        common(tmp_path, *names)


def test_names_of_cities_in_two_zones_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [
        *in_zone(UtmGrid(32, True), [(45.06, 7.68), (45.061, 7.68)]),
        *in_zone(UtmGrid(17, True), [(40.44, -80.0), (40.441, -80.0)]),
    ]
    assert len(common(tmp_path, *names).rows) == 4
    assert "names are in 2 UTM zones; distances between zones mean nothing" in caplog.text
    assert f"17N: images/test/database/{names[2]}" in caplog.text
    assert f"32N: images/test/database/{names[0]}" in caplog.text


def test_a_name_with_a_digit_too_many_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [local(300 + n * 30, n, 2) for n in range(3)]
    common(tmp_path, *names, local(1_200_000, 0, 2))
    assert far_pictures(caplog) == [f"    images/test/queries/{local(1_200_000, 0, 2)} at 1200000.00, 0.00"]


def test_degrees_in_names_that_contradict_the_metres_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metres = [local(585_000 + 30 * n, 4_477_000, 2, "@17@T@{}@" + str(n) + "@" * 7) for n in range(5)]
    degrees = [f"{north:.5f}@{east:.5f}" for north, east in UtmGrid(17, True).places(
        np.array([[585_000 + 30 * n, 4_477_000] for n in range(5)])
    )]  # fmt: skip
    degrees[1] = "@".join(reversed(degrees[1].split("@")))
    degrees[2] = "@"
    # The sign of the longitude.
    degrees[3] = degrees[3].replace("@-", "@")
    # Of the same place, as far as a hundredth of a degree says it.
    degrees[4] = "40.44@-79.99"
    names = [name.format(told) for name, told in zip(metres, degrees, strict=True)]
    assert len(common(tmp_path, *names).rows) == 5
    assert "fields 5 and 6 (degrees) of 2 of 5 names are more than 1 km from fields 1 to 4" in caplog.text
    # The set's order: the database first.
    assert f"first images/test/queries/{names[1]}" in caplog.text


def test_names_of_zones_without_a_letter_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"@585000.00@{4_477_000 + 100 * n}.00@{17 + n % 2}@@@@@@@@@@@@.jpg" for n in range(4)]
    common(tmp_path, *names)
    assert "names are in 2 UTM zones" in caplog.text
    assert f"18: images/test/queries/{names[1]}" in caplog.text


# Photographs with GPS.

TURIN = ((45.0, 3.0, 36.0), (7.0, 40.0, 48.0))


def photographs(folder: Path, *tags: dict[int, Any]) -> Path:
    """A good photograph a.jpg, and b0.jpg, b1.jpg, ... with these GPS tags in the place of good ones."""
    gps = ExifTags.GPS
    good = {
        gps.GPSLatitude: TURIN[0],
        gps.GPSLatitudeRef: "N",
        gps.GPSLongitude: TURIN[1],
        gps.GPSLongitudeRef: "E",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, changed in [("a", {}), *((f"b{number}", one) for number, one in enumerate(tags))]:
        exif = Image.Exif()
        merged = {tag: value for tag, value in {**good, **changed}.items() if value is not None}
        if merged:
            exif[ExifTags.IFD.GPSInfo] = merged
        picture().save(folder / f"{name}.jpg", exif=exif)
    return folder


def named(folder: Path) -> str:
    return told(folder, coordinates="exif", queries_by="share")


def rewritten(file: Path, before: bytes, after: bytes) -> None:
    """Change bytes that are there once: no library writes such tags."""
    data = file.read_bytes()
    assert data.count(before) == 1
    file.write_bytes(data.replace(before, after))


def test_a_camera_without_a_fix_is_named(tmp_path: Path) -> None:
    zeros = (0.0, 0.0, 0.0)
    null_island = {ExifTags.GPS.GPSLatitude: zeros, ExifTags.GPS.GPSLongitude: zeros}
    no_letters = {**null_island, ExifTags.GPS.GPSLatitudeRef: None, ExifTags.GPS.GPSLongitudeRef: None}
    photos = photographs(tmp_path / "photos", null_island, no_letters, {})
    rewritten(
        photos / "b2.jpg", struct.pack(">6I", 45, 1, 3, 1, 36, 1), struct.pack(">6I", 45, 1, 3, 1, 0, 0)
    )
    message = named(photos)
    assert message.startswith("3 photographs")
    for name in ("b0", "b1"):
        assert f"{name}.jpg: its GPS position is 0, 0: there was no fix" in message
    assert "b2.jpg: its GPS latitude is 45, 3, nan: not a number (usually 0/0)" in message


def test_signed_degrees_beside_a_letter_are_named(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", {ExifTags.GPS.GPSLatitudeRef: "S"})
    rewritten(photos / "b0.jpg", struct.pack(">HHI", 2, 5, 3), struct.pack(">HHI", 2, 10, 3))
    rewritten(
        photos / "b0.jpg", struct.pack(">6I", 45, 1, 3, 1, 36, 1), struct.pack(">6i", -45, 1, 3, 1, 36, 1)
    )
    assert "b0.jpg: its GPS latitude is -45, 3, 36: it has a sign, but a tag must say N or S" in named(photos)


def test_the_equator_and_greenwich_are_places(tmp_path: Path) -> None:
    zero = {ExifTags.GPS.GPSLatitude: (0.0, 0.0, 0.0)}
    header = read_header(photographs(tmp_path / "photos", zero) / "b0.jpg")
    assert (header.latitude, header.gps_fault) == (0.0, "")
    zero = {ExifTags.GPS.GPSLongitude: (0.0, 0.0, 0.0)}
    header = read_header(photographs(tmp_path / "more", zero) / "b0.jpg")
    assert (header.longitude, header.gps_fault) == (0.0, "")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({ExifTags.GPS.GPSLatitudeRef: None}, "latitude has no tag that says N or S"),
        ({ExifTags.GPS.GPSLongitudeRef: None}, "longitude has no tag that says E or W"),
        ({ExifTags.GPS.GPSLatitudeRef: "E"}, "latitude has a tag that says 'E', not N or S"),
        ({ExifTags.GPS.GPSLongitudeRef: "?"}, "longitude has a tag that says '?', not E or W"),
        (
            {ExifTags.GPS.GPSLatitude: (45.0, 60.0, 0.0)},
            "45, 60, 0: minutes and seconds must be less than 60",
        ),
        ({ExifTags.GPS.GPSLongitude: (7.0, 40.0, 75.0)}, "7, 40, 75: minutes and seconds must be less"),
        ({ExifTags.GPS.GPSLatitude: (45.5, 30.0, 0.0)}, "only the smallest unit may have a fraction"),
        ({ExifTags.GPS.GPSLatitude: (91.0, 0.0, 0.0)}, "it must be at most 90 degrees"),
        ({ExifTags.GPS.GPSLongitude: (180.0, 0.0, 1.0)}, "it must be at most 180 degrees"),
        ({ExifTags.GPS.GPSLatitude: (84.0, 0.0, 1.0)}, "latitude 84.0002"),
        ({ExifTags.GPS.GPSLongitude: None}, "its GPS has only a latitude"),
        (dict.fromkeys((1, 2, 3, 4)), "has no GPS coordinates in its EXIF data"),
    ],
)
def test_gps_that_must_not_be_guessed_is_named(tmp_path: Path, tags: dict[int, Any], message: str) -> None:
    said = named(photographs(tmp_path / "photos", tags))
    assert said.startswith("1 photographs")
    assert message in said.partition("b0.jpg: ")[2].splitlines()[0]


@pytest.mark.parametrize("datum", ["TOKYO", "Tokyo\0", "NAD27", "ED50", "GCJ-02", "OSGB36"])
def test_another_datum_than_wgs_84_is_named(tmp_path: Path, datum: str) -> None:
    said = named(photographs(tmp_path / "photos", {ExifTags.GPS.GPSMapDatum: datum}))
    assert said.startswith("1 photographs")
    datum = datum.strip("\0")
    assert f"b0.jpg: its GPS has the datum {datum}, which is not WGS 84" in said


@pytest.mark.parametrize(
    "datum",
    ["WGS-84", "WGS84", "wgs 84 ", "WGS_84", "WGS84\0", "", "  ", "JGD2000", "JGD2011", "ETRS89", "NAD83"],
)
def test_what_is_wgs_84_within_two_metres_is_read(tmp_path: Path, datum: str) -> None:
    photos = photographs(tmp_path / "photos", {ExifTags.GPS.GPSMapDatum: datum})
    header = read_header(photos / "b0.jpg")
    assert (header.latitude, header.longitude) == pytest.approx((45.06, 7.68))


def test_a_datum_without_a_position_is_no_fault(tmp_path: Path) -> None:
    no_position = {**dict.fromkeys((1, 2, 3, 4)), ExifTags.GPS.GPSMapDatum: "TOKYO"}
    header = read_header(photographs(tmp_path / "photos", no_position) / "b0.jpg")
    assert header.gps_fault == ""


def test_receivers_without_a_valid_fix_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    status = ExifTags.GPS.GPSStatus
    photos = photographs(tmp_path / "photos", {status: "V"}, {status: "A"}, {status: "V"})
    assert len(list_photographs(photos, "exif")) == 4
    assert "2 photographs have GPS status V, no valid fix" in caplog.text
    assert caplog.text.rstrip().endswith("first b0.jpg")
    caplog.clear()
    rows = "\n".join(f"{name}.jpg,45.06,7.68" for name in ("a", "b0", "b1", "b2"))
    (photos / "coordinates.csv").write_text(f"path,latitude,longitude\n{rows}\n")
    assert len(list_photographs(photos, "coordinates.csv")) == 4
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("letters", "place"),
    [
        (("S", "W"), (-45.06, -7.68)),
        (("s", "west"), (-45.06, -7.68)),
        (("North", "EAST"), (45.06, 7.68)),
    ],
)
def test_a_letter_in_other_words_has_one_meaning(
    tmp_path: Path, letters: tuple[str, str], place: tuple[float, float]
) -> None:
    tags = {ExifTags.GPS.GPSLatitudeRef: letters[0], ExifTags.GPS.GPSLongitudeRef: letters[1]}
    photos = photographs(tmp_path / "photos", tags)
    header = read_header(photos / "b0.jpg")
    assert (header.latitude, header.longitude) == pytest.approx(place)
    assert header.gps_fault == ""


def test_gps_does_not_matter_beside_a_csv(tmp_path: Path) -> None:
    photos = photographs(tmp_path / "photos", {ExifTags.GPS.GPSLatitudeRef: None})
    (photos / "coordinates.csv").write_text("path,latitude,longitude\na.jpg,45.06,7.68\nb0.jpg,45.07,7.68\n")
    made = made_set(photos, tmp_path / "set", queries_by="share")
    assert sorted(row.file_name.split("@")[5] for row in made.rows) == ["045.06000", "045.07000"]


def test_0_0_in_a_csv_is_no_fix(tmp_path: Path) -> None:
    rows = {"database/a.jpg": {"latitude": "0.0", "longitude": "-0"}, "queries/b.jpg": {}}
    assert "1 photographs" in (message := told(make(tmp_path, rows)))
    assert "database/a.jpg: latitude 0 and longitude 0 mean that there was no fix" in message
