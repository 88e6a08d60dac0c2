from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import utm
from PIL import ExifTags, Image

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.core.image_io import read_rgb
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.folder import FolderSettings, read_folder

SIZE = (96, 72)
# Where the city's corner is in UTM 10S.
EAST, NORTH = 550_000.0, 4_180_000.0


def degrees(value: float) -> tuple[float, float, float]:
    minutes = abs(value) % 1 * 60
    return float(int(abs(value))), float(int(minutes)), minutes % 1 * 60


@pytest.mark.slow
def test_drawn_views_with_gps_in_a_csv_or_in_exif_become_the_same_set(tmp_path: Path) -> None:
    city = build_city(5, 1, 1)
    painter = Painter(city)
    rows, expected, pictures = [], {}, {}
    for index, street in enumerate(city.streets[:4]):
        x, y = (float(value) for value in street.at(street.length / 2, 0.0))
        latitude, longitude = utm.to_latlon(EAST + x, NORTH + y, 10, "S")
        path = f"{'queries' if index == 3 else 'database'}/IMG_{index}.jpg"
        exif = Image.Exif()
        exif[ExifTags.IFD.GPSInfo] = {
            ExifTags.GPS.GPSLatitude: degrees(latitude),
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLongitude: degrees(longitude),
            ExifTags.GPS.GPSLongitudeRef: "W",
        }
        pictures[path] = painter.draw(Shot(x, y, yaw=90.0 * index), "day", *SIZE)
        for folder, head in (("exif", exif), ("csv", Image.Exif())):
            target = tmp_path / folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pictures[path]).save(target, quality=95, exif=head)
        rows.append((path, latitude, longitude))
        expected[path] = (EAST + x, NORTH + y)
    with (tmp_path / "csv" / "places.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "latitude", "longitude"), *rows])
    for folder, coordinates in (("exif", "exif"), ("csv", "places.csv")):
        settings = FolderSettings(coordinates, split_by="folder", queries_by="folder", jpeg_quality=90)
        images = read_folder(tmp_path / folder, settings, tmp_path)
        made = format_set(images, tmp_path / f"{folder}_set", workers=2)
        assert made.counts() == {"test/database": 3, "test/queries": 1}
        for row in made.rows:
            assert (row.width, row.height) == SIZE
            assert made.read(row) == (tmp_path / folder / row.source).read_bytes()
            np.testing.assert_allclose((row.east, row.north), expected[row.source], atol=0.02)
            # A street is not a flat colour, and what is read is what was drawn.
            pixels = read_rgb(made.path(row)).astype(float)
            assert pixels.std(axis=(0, 1)).min() > 10
            assert np.abs(pixels - pictures[row.source]).mean() < 6
