"""The painter, which renders any shot of the city at any time of day."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.city.appearance.facades import SCALE
from pipeline.city.appearance.ground import Ground
from pipeline.city.appearance.texture_cache import Key, TextureStore, shrink
from pipeline.city.geometry.buildings import build_mesh
from pipeline.city.geometry.camera import Camera, Shot
from pipeline.city.geometry.mesh import Quads, Skin
from pipeline.city.geometry.visibility import Candidates, candidates, hidden
from pipeline.city.layout.plan import City
from pipeline.city.rendering.lighting import Light, Relief, light_of
from pipeline.city.rendering.rasterizer import Canvas
from pipeline.city.rendering.scene import UNIQUE, Scene
from pipeline.city.rendering.sky import draw_sky, sky_map
from pipeline.city.rendering.tone_mapping import develop, glare_of
from pipeline.runtime.errors import ParameterError

_FAR = 330.0  # metres: nothing further away is drawn
_TILES = ((64.0, 4.0, _FAR), (20.0, 24.0, 34.0))  # ground: size (m), pixels a metre, drawn up to (m)


class _View(NamedTuple):
    """The canvas, scene and light of an image."""

    canvas: Canvas
    scene: Scene
    light: Light


class Painter:
    """Renders shots of one city; textures are made when first seen and kept up to a memory limit."""

    def __init__(self, city: City, *, cache_bytes: int = 160_000_000) -> None:
        # Bytes must not depend on the number of threads, and each rendering process has one core.
        cv2.setNumThreads(1)
        self._city = city
        self._mesh = build_mesh(city)
        self._relief = Relief(city)
        self._ground = Ground(city)
        self._scenes: dict[int, Scene] = {}
        self._store = TextureStore(cache_bytes // 2)
        self._small = TextureStore(cache_bytes // 2)

    def draw(self, shot: Shot, time_of_day: str, width: int, height: int) -> np.ndarray:
        """Render an image: (height, width, 3) uint8 RGB.

        `time_of_day` is "day", "sunset" or "night"; the geometry depends only on the shot. The same
        arguments give the same bytes in any process and any order. Raises `ParameterError` for an unknown
        time of day, an image smaller than 8 x 8, or a camera that is not above the ground.
        """
        light = light_of(time_of_day)
        if width < 8 or height < 8:
            raise ParameterError(f"an image must have at least 8 x 8 pixels, found {width} x {height}")
        if shot.camera_height < 0.1 or not 1 <= shot.field_of_view < 150:
            raise ParameterError(
                f"a camera must be above the ground and see 1 to 150 degrees, found a height of "
                f"{shot.camera_height} m and {shot.field_of_view} degrees"
            )
        scale = 2 if width <= 400 else 1.5
        camera = Camera(shot, round(width * scale), round(height * scale))
        scene = self._scene(shot.visit)
        canvas = Canvas(camera)
        view = _View(canvas, scene, light)
        self._draw_ground(view)
        self._draw_things(view)
        self._draw_sky(view)
        return _photograph(view, shot, (width, height))

    def _scene(self, visit: int) -> Scene:
        if visit not in self._scenes:
            self._scenes[visit] = Scene(self._city, self._mesh, self._relief, visit)
        return self._scenes[visit]

    def _draw_ground(self, view: _View) -> None:
        canvas, scene, light = view
        camera = canvas.camera
        up = (np.linalg.inv(camera.intrinsics) @ np.eye(3)).T @ camera.axes[:, 2]
        columns = np.arange(camera.width, dtype=np.float32)
        rows = np.arange(camera.height, dtype=np.float32)[:, None]
        slope = -(up[0] * columns + (up[1] * rows + up[2])) / camera.position[2]
        canvas.inverse[:] = np.where(slope > 1 / 700, slope, 0)
        for size, scale, reach in _TILES:
            first = np.floor((camera.position[:2] - reach) / size).astype(int)
            last = np.floor((camera.position[:2] + reach) / size).astype(int)
            first = np.maximum(first, 0)
            last = np.minimum(last, (np.array(self._city.extent) / size).astype(int))
            i, j = (
                grid.ravel()
                for grid in np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)))
            )
            origin = np.column_stack([i * size, (j + 1) * size, np.zeros(len(i))])
            along = np.tile([size, 0.0, 0.0], (len(i), 1))
            down = np.tile([0.0, -size, 0.0], (len(i), 1))
            found = candidates(camera, Quads(origin, along, down, []), None, reach + size)
            for row, index in enumerate(found.index.tolist()):
                polygon, to_plane = found.polygon(row, camera), found.to_plane[row]
                if polygon is None:
                    continue
                place = ((float(i[index] * size), float(j[index] * size)), size)
                key = ("ground", place, light.name, scene.visit)
                draw = partial(self._tile, scene, light, place, scale)
                level = _level(polygon, to_plane, (size * scale, size * scale))
                canvas.add(to_plane, polygon, partial(self._levelled, key, draw, level), test=False)

    def _tile(
        self, scene: Scene, light: Light, place: tuple[tuple[float, float], float], scale: float
    ) -> np.ndarray:
        albedo = self._store.get(("albedo", place), lambda: self._ground.albedo(*place, scale))
        return self._ground.lit(albedo, place, scene.cars, scene.illumination, light)

    def _levelled(self, key: Key, draw: Callable[[], np.ndarray], level: tuple[int, int]) -> np.ndarray:
        """A texture halved `level` times across and down.

        Whole images are large, and few are needed at a time; quarter images are kept separately and longer,
        because distant walls are drawn from them.
        """
        if min(level) < 2:
            if level == (0, 0):
                return self._store.get(key, draw)
            return self._store.get((*key, *level), lambda: shrink(self._store.get(key, draw), *level))

        def quarter() -> np.ndarray:
            return self._small.get(key, lambda: shrink(self._store.peek(key, draw), 2, 2))

        if level == (2, 2):
            return quarter()
        return self._small.get((*key, *level), lambda: shrink(quarter(), level[0] - 2, level[1] - 2))

    def _draw_things(self, view: _View) -> None:
        canvas, scene, light = view
        camera = canvas.camera
        surfaces = candidates(camera, scene.quads, scene.near(camera, _FAR), _FAR)
        cut_outs = candidates(camera, _turned(scene, camera), None, _FAR)
        gains = scene.gains(light, cut_outs=True)
        count = len(surfaces.index)
        nearest = np.concatenate([surfaces.nearest, cut_outs.nearest])
        boxes = np.concatenate([surfaces.boxes, cut_outs.boxes])
        order = np.argsort(-nearest, kind="stable")
        batch = 60
        while order.size:
            for item in order[:batch].tolist():
                if item < count:
                    self._draw_surface(view, surfaces, item)
                else:
                    index = cut_outs.index[item - count]
                    self._draw_shared(view, cut_outs, item - count, scene.cut_outs.skins[index], gains[index])
            order = order[batch:]
            order = order[~hidden(canvas.inverse, boxes[order], nearest[order])]

    def _draw_surface(self, view: _View, found: Candidates, row: int) -> None:
        canvas, scene, light = view
        index = int(found.index[row])
        skin = scene.quads.skins[index]
        if skin[0] not in UNIQUE:
            self._draw_shared(view, found, row, skin, scene.gains(light, cut_outs=False)[index])
            return
        polygon, to_plane = found.polygon(row, canvas.camera), found.to_plane[row]
        if polygon is None:
            return
        width, height = (float(np.linalg.norm(way[index])) for way in (scene.quads.along, scene.quads.down))
        level = _level(polygon, to_plane, (width * SCALE, height * SCALE))
        draw = partial(scene.unique, index, light)
        # By index, not by skin: both sides of a bay have one skin, and each its own light.
        canvas.add(to_plane, polygon, partial(self._levelled, (index, light.name, scene.visit), draw, level))

    def _draw_shared(self, view: _View, found: Candidates, row: int, skin: Skin, gain: np.ndarray) -> None:
        canvas, scene, light = view
        polygon, to_plane = found.polygon(row, canvas.camera), found.to_plane[row]
        if polygon is None:
            return
        albedo, glow = scene.shared(skin)
        level = _level(polygon, to_plane, (albedo.shape[1], albedo.shape[0]))
        texture = partial(self._small.get, (skin, *level), partial(shrink, albedo, *level))
        shine = None
        if glow is not None and light.glow > 0:
            strength = (light.glow / light.peak) ** 0.5
            shine = partial(
                self._small.get, (skin, "glow", light.name, *level),
                lambda: cv2.convertScaleAbs(shrink(glow, *level), alpha=strength),
            )  # fmt: skip
        canvas.add(to_plane, polygon, texture, gain=gain, glow=shine)

    def _draw_sky(self, view: _View) -> None:
        canvas, scene, light = view
        camera = canvas.camera
        empty = (canvas.inverse <= 0).astype(np.uint8)
        rows = np.flatnonzero(empty.any(axis=1))
        if not rows.size:
            return
        key = ("sky", light.name, scene.visit)
        picture = self._small.get(key, lambda: draw_sky(light, self._city.seed, scene.visit))
        # Half the resolution of the canvas, from an even row on, is enough for clouds.
        top, bottom = int(rows[0]) // 2 * 2, int(rows[-1]) + 1
        width, height = camera.width // 2 + 1, (bottom - top) // 2 + 1
        x = (np.arange(width, dtype=np.float32) * 2 - camera.center[0]) / camera.focal
        y = (np.arange(height, dtype=np.float32) * 2 + top - camera.center[1]) / camera.focal
        columns, lines = sky_map(x.astype(np.float32), y.astype(np.float32), camera.axes.astype(np.float32))
        half = cv2.remap(picture, columns, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        whole = cv2.resize(half, (width * 2, height * 2), interpolation=cv2.INTER_LINEAR)
        window = slice(top, bottom)
        cv2.copyTo(whole[: bottom - top, : camera.width], empty[window], canvas.color[window])


def _photograph(view: _View, shot: Shot, size: tuple[int, int]) -> np.ndarray:
    canvas, _, light = view
    color = cv2.resize(canvas.color, size, interpolation=cv2.INTER_AREA)
    inverse = cv2.resize(canvas.inverse, size, interpolation=cv2.INTER_NEAREST)
    glare = np.zeros((0, 4)), np.zeros((0, 3))
    if light.lamp > 0:
        glare = _glare(view, size[0] / canvas.camera.width)
    return develop(color, inverse, light, shot, glare)


def _glare(view: _View, shrunk: float) -> tuple[np.ndarray, np.ndarray]:
    """Street lamps and the lights of cars: rows (n, 4) and colours (n, 3) for `develop`."""
    canvas, scene, light = view
    lamps = len(scene.city.kerbside.lamps)
    places, sizes = [scene.illumination.lamps[:lamps]], [np.full(lamps, 0.42)]
    tones, strengths = [scene.illumination.powers[:lamps]], [np.full(lamps, 1.0)]
    cars = scene.cars.rows[scene.cars.rows[:, 5] > 0]
    angle = np.radians(cars[:, 2])
    ahead = np.column_stack([np.sin(angle), np.cos(angle)])
    right = np.column_stack([np.cos(angle), -np.sin(angle)])
    for reach, tone, strength in ((2.35, (1.0, 0.97, 0.9), 1.3), (-2.35, (1.0, 0.1, 0.06), 0.5)):
        for side in (-0.7, 0.7):
            spots = cars[:, :2] + ahead * reach + right * side
            places.append(np.column_stack([spots, np.full(len(cars), 0.7)]))
            sizes.append(np.full(len(cars), 0.24 if reach > 0 else 0.16))
            tones.append(np.tile([tone], (len(cars), 1)))
            to_camera = canvas.camera.position[:2] - spots
            facing = (to_camera * ahead).sum(1) / np.maximum(np.hypot(*to_camera.T), 1e-6) * np.sign(reach)
            strengths.append(np.maximum(facing, 0) * strength)
    seen, spots = glare_of(canvas.camera, canvas.inverse, np.concatenate(places), np.concatenate(sizes))
    strength = np.concatenate(strengths)[seen] * min(light.lamp / 30.0, 1.0)
    rows = np.column_stack([spots * shrunk, strength])
    rows[:, 2] = np.clip(rows[:, 2], 0.6, 60)
    return rows, np.concatenate(tones)[seen]


def _turned(scene: Scene, camera: Camera) -> Quads:
    """The cut-outs as surfaces that face the camera."""
    feet, sizes = scene.cut_outs.feet, scene.cut_outs.sizes
    way = feet - camera.position[:2]
    distance = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)
    right = np.column_stack([way[:, 1], -way[:, 0]]) / distance[:, None]
    # An object closer than arm's length would fill the view.
    wide = np.where(distance > 1.2, sizes[:, 0], 0.0)
    along = np.column_stack([right * wide[:, None], np.zeros(len(feet))])
    origin = np.column_stack([feet, sizes[:, 1]]) - along / 2
    down = np.column_stack([np.zeros((len(feet), 2)), -sizes[:, 1]])
    return Quads(origin, along, down, scene.cut_outs.skins)


def _level(polygon: np.ndarray, to_plane: np.ndarray, size: tuple[float, float]) -> tuple[int, int]:
    """How often to halve a texture of `size` (width, height) across and down to fit its place."""
    middle = np.array([*polygon.mean(0), 1.0])
    u, v, w = to_plane @ middle
    # Derivatives of (u / w, v / w) with respect to the pixel, at the middle of what is seen.
    du = (to_plane[0, :2] * w - u * to_plane[2, :2]) / (w * w)
    dv = (to_plane[1, :2] * w - v * to_plane[2, :2]) / (w * w)
    across = float(np.hypot(*du)) * size[0]
    down = float(np.hypot(*dv)) * size[1]
    return _halvings(across), _halvings(down)


def _halvings(texels: float) -> int:
    level = 0
    while texels > 1.6 and level < 8:
        texels /= 2
        level += 1
    return level
