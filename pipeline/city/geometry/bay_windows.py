"""Bay windows: a column of wide windows on the front, plain or narrow windows on the sides."""

from __future__ import annotations

import numpy as np

from pipeline.city.appearance.facades import SCALE, Wall, paint_of, style_of
from pipeline.city.appearance.materials import coloured
from pipeline.city.appearance.windows import Opening, draw_window, light_window
from pipeline.city.layout.lots import Building


def draw_bay(seed: int, building: Building, part: tuple[str, int], visit: int, lit_share: float) -> Wall:
    """The front ("bay") or a side ("bayside") of a building's bay number `part[1]`."""
    front = part[0] == "bay"
    width = round((2.6 if front else 0.9) * SCALE)
    storey = round(building.storey_height * SCALE)
    height = max(round(((building.storeys - 1) * building.storey_height - 0.7) * SCALE), 12)
    colour = np.array(paint_of(seed, building, visit), np.float32) * np.float32(1.08)
    cladding = "plaster" if building.wall != "wood" else "wood"
    albedo = coloured(cladding, (height, width), np.minimum(colour, 236), building.key)
    wall = Wall(albedo, np.zeros_like(albedo))
    style, _ = style_of(seed, building)
    rng = np.random.default_rng([seed, 406, building.key, part[1]])
    for level in range(building.storeys - 1):
        y = height - (level + 1) * storey + int(storey * 0.42)
        chance = float(rng.random())
        albedo[max(y + int(storey * 0.52), 0) : max(y + int(storey * 0.56), 0)] = (colour * 0.72).astype(
            np.uint8
        )
        xs, w = ([5, 23, 42], 15) if front else ([4], 13)
        for x in xs:
            look = int(rng.integers(1 << 30))
            if y < 4:
                continue
            opening = Opening(x, y, w, int(storey * 0.48), chance, look)
            draw_window(albedo, opening, style)
            if chance < lit_share:
                light_window(wall.glow, opening, style)
    return wall
