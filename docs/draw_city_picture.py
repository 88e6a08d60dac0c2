"""Draw docs/city_day_night.jpg: views of the embedded city by day, their synthetic and their true nights.

Run it from the project's root: python -m docs.draw_city_picture
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.core.files import write_bytes
from pipeline.core.image_io import encode
from unit.network.settings import UnitSettings
from unit.translation.translate import UnitTranslator

WIDTH, HEIGHT, GAP = 240, 180, 4
# Shorter side at which the weights see them.
SEEN = 96
# A city that no translator was trained on.
CITY_SEED = 5
# (street, share of its length, degrees to the right of its direction)
VIEWS = ((3, 0.5, -20.0), (7, 0.35, 60.0), (12, 0.6, 25.0))


def main() -> None:
    """Write the picture: a row for each view, with day, our night and true night side by side."""
    city = build_city(CITY_SEED, 6, 6)
    painter = Painter(city)
    to_night = UnitTranslator(
        Path("unit/weights/city.pt"),
        UnitSettings("day2night", SEEN, "none", "source", "source", "float32"),
    )
    rows = []
    for index, share, turn in VIEWS:
        street = city.streets[index]
        heading = np.degrees(np.arctan2(street.x1 - street.x0, street.y1 - street.y0))
        shot = Shot(
            x=street.x0 + share * (street.x1 - street.x0),
            y=street.y0 + share * (street.y1 - street.y0),
            yaw=float(heading + turn) % 360,
            pitch=6.0,
            field_of_view=70.0,
        )
        day = painter.draw(shot, "day", WIDTH, HEIGHT)
        rows.append([day, to_night(day), painter.draw(shot, "night", WIDTH, HEIGHT)])
    sheet = np.full((len(rows) * (HEIGHT + GAP) - GAP, 3 * (WIDTH + GAP) - GAP, 3), 255, dtype=np.uint8)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            top, left = y * (HEIGHT + GAP), x * (WIDTH + GAP)
            sheet[top : top + HEIGHT, left : left + WIDTH] = picture
    write_bytes(Path("docs/city_day_night.jpg"), encode(sheet, ".jpg", quality=88))


if __name__ == "__main__":
    main()
