"""Everything to draw on one visit, and its light: surfaces, standing cut-outs and their textures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.city.appearance.facades import draw_wall
from pipeline.city.appearance.props import draw_thing
from pipeline.city.appearance.texture_cache import bleed
from pipeline.city.geometry.bay_windows import draw_bay
from pipeline.city.geometry.buildings import build_cars
from pipeline.city.geometry.camera import Camera
from pipeline.city.geometry.mesh import UP, QuadList, Quads, Skin, level
from pipeline.city.geometry.visibility import Cells
from pipeline.city.layout.plan import City
from pipeline.city.layout.street_furniture import LAMP_HEIGHT, place_cars
from pipeline.city.rendering.lighting import Illumination, Light, Relief, under

_SIDES = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 1.0]])
UNIQUE = ("wall", "bay", "bayside")  # surfaces with a texture and a light map of their own


@dataclass(frozen=True)
class CutOuts:
    """Upright images that turn to the camera: `feet` (n, 2), `sizes` (n, 2) width and height in metres."""

    feet: np.ndarray
    sizes: np.ndarray
    skins: list[Skin]


class Scene:
    """One city on one visit."""

    def __init__(self, city: City, static: Quads, relief: Relief, visit: int) -> None:
        self.city, self.visit = city, visit
        self.cars = place_cars(city.seed, city.streets, visit)
        self.illumination = Illumination(city, relief, self.cars)
        self.quads = _joined(static, build_cars(self.cars), _lamp_arms(city))
        self.cut_outs = _cut_outs(city, visit)
        self._cells = Cells(self.quads)
        self._buildings = {building.key: building for building in city.buildings}
        self._gains: dict[tuple[str, bool], np.ndarray] = {}
        self._things: dict[Skin, tuple[np.ndarray, np.ndarray | None]] = {}

    def gains(self, light: Light, *, cut_outs: bool) -> np.ndarray:
        """Factors (n, 3) from albedo to encoded radiance for every surface, or for every cut-out."""
        key = (light.name, cut_outs)
        if key not in self._gains:
            if cut_outs:
                feet, sizes = self.cut_outs.feet, self.cut_outs.sizes
                points = np.column_stack([feet, sizes[:, 1] * 0.6])
                falling = np.mean([self.illumination.falling(points, side, light) for side in _SIDES], axis=0)
                falling *= 0.55 if light.name == "night" else 1.3
            else:
                normals = self.quads.normals
                falling = self.illumination.falling(self.quads.centres + normals * 0.3, normals, light)
            self._gains[key] = np.sqrt(falling / light.peak)
        return self._gains[key]

    def near(self, camera: Camera, far: float) -> np.ndarray:
        """Rows of `quads` that a camera may see within `far` metres."""
        return self._cells.seen(camera, far)

    def shared(self, skin: Skin) -> tuple[np.ndarray, np.ndarray | None]:
        """Albedo (h, w, 3 or 4) of a covering that many surfaces share, and its glow (h, w, 3) or None."""
        if skin not in self._things:
            albedo, glow = draw_thing(skin, self.city.seed)
            self._things[skin] = (bleed(albedo) if albedo.shape[2] == 4 else albedo, glow)
        return self._things[skin]

    def unique(self, index: int, light: Light) -> np.ndarray:
        """Encoded radiance of a wall or bay, with the light map of its place."""
        name, key, part = self.quads.skins[index]
        building = self._buildings[int(key)]
        seed = self.city.seed
        if name == "wall":
            wall = draw_wall(seed, building, int(part), self.visit, light.lit_share)
        else:
            wall = draw_bay(seed, building, (str(name), int(part)), self.visit, light.lit_share)
        lit = under(wall.albedo, self._light_map(index, light), light.peak)
        if light.glow > 0:
            # The brighter of wall and lit window; their sum would hardly differ.
            lit = cv2.max(lit, cv2.convertScaleAbs(wall.glow, alpha=(light.glow / light.peak) ** 0.5))
        return lit if wall.alpha is None else bleed(np.dstack([lit, wall.alpha]))

    def _light_map(self, index: int, light: Light) -> np.ndarray:
        quads = self.quads
        origin, along, down = quads.origin[index], quads.along[index], quads.down[index]
        width, height = np.linalg.norm(along), np.linalg.norm(down)
        columns, rows = max(int(width / 1.0), 2), max(int(height / 0.8), 2)
        u, v = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
        inward = np.cross(along, down)
        normal = -inward / np.linalg.norm(inward)
        points = origin + u.reshape(-1, 1) * along + v.reshape(-1, 1) * down + normal * 0.6
        falling = self.illumination.falling(points, normal, light)
        return falling.reshape(rows, columns, 3)


def _joined(*tables: Quads) -> Quads:
    return Quads(
        np.concatenate([table.origin for table in tables]),
        np.concatenate([table.along for table in tables]),
        np.concatenate([table.down for table in tables]),
        [skin for table in tables for skin in table.skins],
    )


def _lamp_arms(city: City) -> Quads:
    quads = QuadList()
    for x, y, east, north in city.kerbside.lamps.tolist():
        top = level(np.array([x, y]), LAMP_HEIGHT + 0.2)
        quads.add_both(top, np.array([east, north, 0.0]) * 2.0, -UP * 1.0, ("arm",))
    return quads.done()


def _cut_outs(city: City, visit: int) -> CutOuts:
    rows: list[tuple[float, ...]] = []  # foot x, y, width, height
    skins: list[Skin] = []
    for x, y, height, species in city.kerbside.trees.tolist():
        rows.append((x, y, height, height))
        skins.append(("tree", int(species), int(abs(x * 7 + y * 3)) % 4, min(visit, 1)))
    for x, y, *_ in city.kerbside.lamps.tolist():
        rows.append((x, y, 0.16, LAMP_HEIGHT - 0.2))
        skins.append(("pole",))
    for x, y, kind, _ in city.kerbside.posts.tolist():
        rows.append((x, y, 0.95, 2.8))
        skins.append(("post", int(kind)))
    for building in city.buildings:
        if building.kind == "park":
            rng = np.random.default_rng([city.seed, 804, building.key])
            for _ in range(4):
                a, b = rng.uniform(0.1, 0.9, 2)
                corners = building.corners
                spot = corners[0] + (corners[1] - corners[0]) * a + (corners[3] - corners[0]) * b
                high = float(rng.uniform(5, 9))
                rows.append((float(spot[0]), float(spot[1]), high, high))
                skins.append(("tree", int(rng.integers(4)), int(rng.integers(4)), min(visit, 1)))
    table = np.array(rows).reshape(-1, 4)
    return CutOuts(table[:, :2], table[:, 2:], skins)
