"""The embedded city is read by the same readers as the real sets, whichever form it takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import utm
from PIL import ExifTags, Image

from pipeline.city.export.archive_layouts import form_of
from pipeline.city.export.raw import write_city
from pipeline.city.rendering import render_pool
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.readers.folder import FolderSettings, read_folder
from pipeline.datasets.formatting.readers.pittsburgh import PittsburghSettings, read_pittsburgh
from pipeline.datasets.formatting.readers.tokyo247 import Tokyo247Settings, read_tokyo247
from pipeline.datasets.image_set.image_set import ImageSet
from tests.city.export.test_raw import flat_colour
from tests.city.tiny import tiny


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("raw") / "city"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_pool, "draw", flat_colour)
        write_city(tiny(), folder, workers=1)
        yield folder


def positions(made: ImageSet, form: str) -> None:
    """Every image is at the position where it was taken."""
    taken = {
        picture.member.rpartition("/")[2]: picture.position for picture in form_of(tiny(), form).pictures()
    }
    for row in made.rows:
        np.testing.assert_allclose((row.east, row.north), taken[row.source.rpartition("/")[2]], atol=0.011)


def test_pittsburgh(city: Path, tmp_path: Path) -> None:
    images = read_pittsburgh(city / "pittsburgh", PittsburghSettings(part="pitts30k"), city)
    made = format_set(images, tmp_path / "set", workers=2)
    assert made.counts() == {
        "train/database": 16,
        "train/queries": 8,
        "val/database": 8,
        "val/queries": 4,
        "test/database": 12,
        "test/queries": 8,
    }
    positions(made, "pittsburgh")


def test_tokyo247_and_its_nights(city: Path, tmp_path: Path) -> None:
    settings = Tokyo247Settings(queries="247query_subset_v2", queries_shorter_side=36, jpeg_quality=90)
    made = format_set(read_tokyo247(city / "tokyo247", settings, city), tmp_path / "set", workers=2)
    assert made.counts() == {"test/database": 12, "test/queries": 6}
    positions(made, "tokyo247")
    selected = select_time(made, tmp_path / "night", "night", None)
    assert selected.kept == {"test/database": 12, "test/queries": 2}
    assert selected.label_from == {"manifest": 6}
    # Without the letters, the numbers say the same.
    night = {row.name for row in ImageSet.open(tmp_path / "night").where(role="queries")}
    assert all("@00003.jpg@" in name or "@00006.jpg@" in name for name in night)


def test_xs(city: Path, tmp_path: Path) -> None:
    made = format_set(
        read_common(city / "xs", CommonSettings(flat_role="refuse"), city), tmp_path / "set", workers=2
    )
    assert made.counts() == {"test/database": 8, "test/queries": 3}
    positions(made, "xs")


def degrees(value: float) -> tuple[float, float, float]:
    minutes = abs(value) % 1 * 60
    return float(int(abs(value))), float(int(minutes)), minutes % 1 * 60


@pytest.mark.parametrize("coordinates", ["coordinates.csv", "exif"])
def test_a_plain_folder_of_city_views(tmp_path: Path, coordinates: str) -> None:
    folder = tmp_path / "photos"
    lines = []
    for index, picture in enumerate(form_of(tiny(), "xs").pictures()):
        role = picture.member.split("/")[2]
        path = folder / role / f"IMG_{index:04d}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        latitude, longitude = utm.to_latlon(*picture.position, 10, "S")
        exif = Image.Exif()
        if coordinates == "exif":
            exif[ExifTags.IFD.GPSInfo] = {
                ExifTags.GPS.GPSLatitude: degrees(latitude),
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLongitude: degrees(longitude),
                ExifTags.GPS.GPSLongitudeRef: "W",
            }
        lines.append((f"{role}/{path.name}", latitude, longitude))
        Image.open(io.BytesIO(flat_colour(picture.drawing))).save(path, "JPEG", quality=95, exif=exif)
    if coordinates != "exif":
        with (folder / coordinates).open("w", newline="") as stream:
            csv.writer(stream).writerows([("path", "latitude", "longitude"), *lines])
    settings = FolderSettings(coordinates, split_by="folder", queries_by="folder", jpeg_quality=90)
    made = format_set(read_folder(folder, settings, tmp_path), tmp_path / "set", workers=2)
    assert made.counts() == {"test/database": 8, "test/queries": 3}
    expected = [picture.position for picture in form_of(tiny(), "xs").pictures()]
    by_source = sorted(made.rows, key=lambda row: row.source.rpartition("/")[2])
    np.testing.assert_allclose([(row.east, row.north) for row in by_source], expected, atol=0.02)
    assert all(made.read(row) == (folder / row.source).read_bytes() for row in made.rows)
