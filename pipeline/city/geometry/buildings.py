"""Buildings as geometry: walls, roofs, cornices, bays, balconies, awnings and signs."""

from __future__ import annotations

import numpy as np

from pipeline.city.appearance.facades import gable_height
from pipeline.city.geometry.mesh import UP, QuadList, Quads, Skin, level
from pipeline.city.layout.lots import Building
from pipeline.city.layout.plan import City
from pipeline.city.layout.street_furniture import Cars

ROOF_COLOURS = ((168, 96, 74), (142, 84, 70), (108, 110, 116), (92, 88, 90), (124, 116, 104))


def build_mesh(city: City) -> Quads:
    """All building surfaces of the city."""
    quads = QuadList()
    for building in city.buildings:
        if building.kind == "park":
            _park(quads, building)
            continue
        for face in range(4):
            _wall(quads, building, face)
        rng = np.random.default_rng([city.seed, 801, building.key])
        _roof(quads, building, rng)
        _front(quads, building, rng)
    return quads.done()


def _edge(building: Building, face: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start (3,), vector along (3,), and outward unit vector (3,) of a wall's foot."""
    start, end = building.corners[face], building.corners[(face + 1) % 4]
    along = level(end - start, 0.0)
    unit = along / np.linalg.norm(along)
    return level(start, 0.0), along, np.array([unit[1], -unit[0], 0.0])


def _wall(quads: QuadList, building: Building, face: int) -> None:
    start, along, _ = _edge(building, face)
    height = building.height + (gable_height(building) if face == 0 else 0.0)
    quads.add(start + UP * height, along, -UP * height, ("wall", building.key, face))


def _streets(building: Building) -> tuple[int, ...]:
    return (0, 3) if building.corner else (0,)


def _roof(quads: QuadList, building: Building, rng: np.random.Generator) -> None:
    colour = int(rng.integers(len(ROOF_COLOURS)))
    depth = level(building.corners[3] - building.corners[0], 0.0)
    start, along, out = _edge(building, 0)
    eaves = start + UP * building.height
    if building.roof == "gable" or building.kind == "church":
        ridge = along / 2 + UP * gable_height(building)
        quads.add(eaves + ridge + depth, -depth, -ridge - UP * 0.05, ("roof", "tiles", colour))
        right = along / 2 - UP * (gable_height(building) + 0.05)
        quads.add(eaves + ridge, depth, right, ("roof", "tiles", colour))
    elif building.roof == "eaves":
        rise = depth / 2 + UP * 3.6
        lip = eaves + out * 0.5 - UP * 0.3
        quads.add(lip + rise, along, -rise, ("roof", "tiles", colour))
        quads.add(lip, along, -out * 0.5, ("paint", 120, 112, 100))
        quads.add(eaves + depth + UP * 3.4, -depth, -UP * 3.4, ("peak", *building.colour))
        quads.add(eaves + along + UP * 3.4, depth, -UP * 3.4, ("peak", *building.colour))
    elif building.roof == "mansard":
        for face in _streets(building):
            foot, run, outward = _edge(building, face)
            rise = -outward * 1.1 + UP * 2.7
            base = foot + UP * building.height + outward * 0.2
            dormers = max(int(np.linalg.norm(run) / 2.8), 1)
            quads.add(base + rise, run, -rise, ("mansard", dormers, colour, building.key))
        quads.add(eaves + along + UP * 2.7 + depth * 0.1, depth * 0.9, -UP * 2.7, ("paint", 128, 120, 112))
        if not building.corner:
            quads.add(eaves + UP * 2.7 + depth, -depth * 0.9, -UP * 2.7, ("paint", 128, 120, 112))
    _cornice(quads, building, rng)
    _on_roof(quads, building, rng)


def _cornice(quads: QuadList, building: Building, rng: np.random.Generator) -> None:
    if building.kind == "church" or building.roof in ("gable", "eaves"):
        return
    deep = 0.5 if building.roof == "cornice" else 0.14
    tall = 0.6 if building.roof == "cornice" else 0.3
    tone = np.clip(np.array(building.colour) * rng.choice([0.7, 1.15, 1.3]), 30, 236).astype(int)
    paint: Skin = ("cornice" if deep > 0.3 else "paint", *(int(v) for v in tone))
    below: Skin = ("paint", *(int(v * 0.7) for v in tone))
    for face in _streets(building):
        foot, along, out = _edge(building, face)
        base = foot + UP * (building.height - tall + 0.12) + out * deep
        quads.add_box(base, along, -out * deep, tall, (paint, paint, below))


def _on_roof(quads: QuadList, building: Building, rng: np.random.Generator) -> None:
    start, along, out = _edge(building, 0)
    depth = level(building.corners[3] - building.corners[0], 0.0)
    top = start + UP * building.height
    if building.kind == "billboard":
        high = 4.2
        place = top + along * 0.1 - out * 0.6
        quads.add_both(place + UP * (high + 0.8), along * 0.8, -UP * high, ("poster", building.key))
        for share in (0.15, 0.5, 0.85):
            post = place + along * 0.8 * share - out * 0.05
            quads.add_both(post + UP * 1.0, along / building.width * 0.2, -UP * 1.4, ("paint", 70, 70, 72))
    elif building.kind == "church":
        side = along / building.width * 3.6
        back = depth / np.linalg.norm(depth) * 3.6
        foot = top + along * 0.5 - side / 2 - out * 0.8 - UP * 2
        high = building.width * 0.45 + 7.0
        skin: Skin = ("belfry", *building.colour)
        quads.add_box(foot, side, back, high, (skin, skin, skin))
        quads.add(foot + back + side + UP * high, -side, -UP * high, skin)
        tip, crown = UP * 6.5, foot + UP * high
        for corner, run, inward in (
            (crown, side, back), (crown + side, back, -side),
            (crown + side + back, -side, -back), (crown + back, -back, side),
        ):  # fmt: skip
            lean = tip + inward / 2
            quads.add(corner + lean, run, -lean, ("spire", 104, 124, 118))
    elif building.roof in ("flat", "cornice", "eaves", "gable") and rng.random() < 0.6:
        wide = along / building.width * float(rng.uniform(0.8, 1.3))
        foot = top + along * float(rng.uniform(0.1, 0.8)) + depth * 0.35 - UP * 1.0
        back = depth / np.linalg.norm(depth) * 0.8
        skin = ("wallpaint", "brick", *(int(v * 0.8) for v in building.colour))
        quads.add_box(foot, wide, back, float(rng.uniform(2.6, 4.0)), (skin, skin, skin))


def _front(quads: QuadList, building: Building, rng: np.random.Generator) -> None:
    """Bays, balconies, an awning and a hanging sign on the street front."""
    plain = building.kind == "house" and building.wall != "glass"
    draw = rng.random()
    if plain and draw < 0.24 and building.width > 6:
        _bays(quads, building)
    elif plain and draw < 0.5:
        _balconies(quads, building, rng)
    if building.ground != "shop" or building.kind in ("church", "mural"):
        return
    start, along, out = _edge(building, 0)
    if rng.random() < 0.45:
        top = start + along * 0.05 + UP * (building.ground_height - 0.95) + out * 0.02
        fall = out * 1.3 - UP * 0.75
        skin: Skin = ("awning", int(rng.integers(8)), round(building.width))
        quads.add(top, along * 0.9, fall, skin)
        quads.add(top + fall + along * 0.9, -along * 0.9, -fall, skin)
        quads.add_both(top + fall, along * 0.9, -UP * 0.22, skin)
    if rng.random() < 0.5:
        spot = start + along * float(rng.choice([0.06, 0.94])) + UP * (building.ground_height + 1.3)
        quads.add_both(spot + out * 0.15, out * 0.8, -UP * 1.0, ("sign", building.key))


def _bays(quads: QuadList, building: Building) -> None:
    """One or two bay windows over all upper storeys."""
    start, along, out = _edge(building, 0)
    unit = along / building.width
    count = 1 if building.width < 11 else 2
    wide, tall = 2.6, (building.storeys - 1) * building.storey_height - 0.7
    under: Skin = ("paint", *(int(v * 0.8) for v in building.colour))
    for index in range(count):
        middle = building.width * (index + 0.5) / count
        foot = start + unit * (middle - wide / 2) + UP * (building.ground_height + 0.2) + out * 0.9
        front, side = ("bay", building.key, index), ("bayside", building.key, index)
        quads.add_box(foot, unit * wide, -out * 0.9, tall, (front, side, under))
        lid = foot + UP * (tall + 0.4) - out * 0.9
        quads.add(lid, unit * wide, out * 0.9 - UP * 0.4, ("roof", "slate", 2))


def _balconies(quads: QuadList, building: Building, rng: np.random.Generator) -> None:
    """A balcony on each upper storey but the first: a slab and rails."""
    start, along, out = _edge(building, 0)
    unit = along / building.width
    kind = int(rng.integers(3))
    wide, deep = float(rng.uniform(2.0, building.width * 0.7)), 1.0
    slab: Skin = ("paint", 168, 164, 156)
    for storey in range(1, building.storeys - 1):
        middle = building.width * (0.5 if kind < 2 else rng.uniform(0.3, 0.7))
        height = building.ground_height + storey * building.storey_height - 0.1
        foot = start + unit * (middle - wide / 2) + UP * height + out * deep
        quads.add_box(foot, unit * wide, -out * deep, 0.16, (slab, slab, ("paint", 120, 116, 110)))
        quads.add_both(foot + UP * 1.1, unit * wide, -UP * 0.95, ("rail", kind, round(wide)))
        for end in (foot, foot + unit * wide):
            quads.add_both(end + UP * 1.1, -out * deep, -UP * 0.95, ("rail", kind, 1))


def _park(quads: QuadList, building: Building) -> None:
    start, along, _ = _edge(building, 0)
    length = round(building.width)
    quads.add_both(start + UP * 1.3, along, -UP * 1.3, ("fence", building.key % 3, length))
    for share in (0.3, 0.62):
        back = level(building.corners[3] - building.corners[0], 0.0) * share
        high = 1.0 + share
        quads.add(start + back + UP * high, along, -UP * high, ("hedge", building.key % 4, length))


# Half length, half width, sill height, roof height, cabin's front and rear at sill, at roof (metres ahead).
_CAR_FORMS = (
    (2.1, 0.86, 0.92, 1.46, (0.85, 0.25), (-2.0, -1.7)),  # hatchback
    (2.3, 0.88, 0.90, 1.44, (0.95, 0.3), (-1.6, -1.05)),  # saloon
    (2.3, 0.92, 1.08, 1.74, (1.05, 0.55), (-2.25, -2.05)),  # tall estate
    (2.6, 0.98, 1.15, 2.1, (1.9, 1.3), (-2.58, -2.55)),  # van
)


def build_cars(cars: Cars) -> Quads:
    """Parked and moving cars: a body with painted wheels, and a cabin with sloping windows."""
    quads = QuadList()
    for x, y, heading, kind, colour, lit in cars.rows.tolist():
        angle = np.radians(heading)
        ahead = np.array([np.sin(angle), np.cos(angle), 0.0])
        right = np.array([np.cos(angle), -np.sin(angle), 0.0])
        _car(quads, np.array([x, y, 0.0]), (ahead, right), (int(kind), int(colour), int(lit)))
    return quads.done()


def _car(
    quads: QuadList, place: np.ndarray, axes: tuple[np.ndarray, np.ndarray], look: tuple[int, int, int]
) -> None:
    ahead, right = axes
    half, side, sill, roof, front, rear = _CAR_FORMS[look[0]]
    nose, tail = ahead * half, -ahead * half
    inset = right * (side - 0.12)
    side_vector = right * side
    quads.add(place + tail + side_vector + UP * sill, ahead * 2 * half, -UP * sill, ("car", "right", *look))
    quads.add(place + nose - side_vector + UP * sill, -ahead * 2 * half, -UP * sill, ("car", "left", *look))
    down = -UP * (sill - 0.2)
    quads.add(place + nose + side_vector + UP * sill, -side_vector * 2, down, ("car", "nose", *look))
    quads.add(place + tail - side_vector + UP * sill, side_vector * 2, down, ("car", "tail", *look))
    top = UP * sill
    flat = ("car", "flat", *look)
    quads.add(place + ahead * front[0] + top + side_vector, -side_vector * 2, ahead * (half - front[0]), flat)
    quads.add(place + ahead * rear[0] + top - side_vector, side_vector * 2, tail - ahead * rear[0], flat)
    high = UP * roof
    windscreen = ahead * (front[0] - front[1]) - UP * (roof - sill)
    quads.add(place + ahead * front[1] + high + inset, -inset * 2, windscreen, ("car", "glass", *look))
    back = ahead * (rear[0] - rear[1]) - UP * (roof - sill)
    quads.add(place + ahead * rear[1] + high - inset, inset * 2, back, ("car", "glass", *look))
    length = front[0] - rear[0]
    for sign, name in ((1, "window-right"), (-1, "window-left")):
        lean = right * sign * 0.1 - UP * (roof - sill)
        if sign > 0:
            origin, along = place + ahead * rear[0] + high + inset, ahead * length
        else:
            origin, along = place + ahead * front[0] + high - inset, -ahead * length
        quads.add(origin, along, lean, ("car", name, *look))
    quads.add(place + ahead * front[1] + high - inset, inset * 2, ahead * (rear[1] - front[1]), flat)
