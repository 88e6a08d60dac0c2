"""Where the images of the embedded city are taken: drives along its streets, two years apart, and walks.

Every survey has its own city (its own seed) at its own place on the map, so that no street is shared between
training, validation and test, nor between the three raw datasets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import PAVEMENT, City, Street, build_city
from pipeline.city.rendering.render_pool import District
from pipeline.city.settings import YAW_STEPS, CitySettings
from pipeline.runtime.errors import ParameterError

# Zone number and letter, easting and northing of each city's south-west corner. The three Pittsburgh cities
# are 25 km apart in zone 17T, which that form implies; Tokyo is in 54S, likewise; San Francisco in 10S.
_ANCHORS = {
    "train": (17, "T", 560_000.0, 4_477_000.0),
    "val": (17, "T", 585_000.0, 4_477_000.0),
    "test": (17, "T", 610_000.0, 4_477_000.0),
    "tokyo": (54, "S", 386_000.0, 3_947_000.0),
    "xs": (10, "S", 551_000.0, 4_180_000.0),
}
SURVEYS = tuple(_ANCHORS)
PITTSBURGH_SPLITS = ("train", "val", "test")
# Metres; no city may grow into the next one.
_LARGEST_EXTENT = 24_000.0

# Metres; most queries are this far from the panorama that they were chosen by, the others up to the second
# pair.
_NEAR = (3.0, 12.0)
_FAR = (12.0, 22.0)
_FAR_SHARE = 0.15

_DATABASE_VISIT = 0
_QUERY_VISIT = 1
_CAR_HEIGHT = 2.5
_HAND_HEIGHT = 1.6
_PITCHES = (4.0, 26.0)
# Minimum distance of panoramas in crossing streets, as a share of the spacing.
_CROSSING_SHARE = 0.7
_TURN = 360.0


@dataclass(frozen=True, slots=True)
class Standpoint:
    """A place of the drive: `along` metres from the start of a street, in the lane of its direction."""

    street: Street
    along: float
    forward: bool

    @property
    def heading(self) -> float:
        """The direction of the drive, degrees clockwise from north."""
        east, north = self.street.direction
        return (math.degrees(math.atan2(east, north)) + (0.0 if self.forward else 180.0)) % _TURN

    def point(self, along: float, right: float) -> tuple[float, float]:
        """Local position `along` metres further on and `right` metres to the right of the centre line."""
        sign = 1.0 if self.forward else -1.0
        x, y = self.street.at(self.along + sign * along, sign * right)
        return float(x), float(y)


@dataclass(frozen=True, slots=True)
class Panorama:
    """Views in all directions from one standpoint, under one exposure, in one visit.

    `yaw` is the direction of the first view, degrees clockwise from north; `noise_seed` seeds their noise.
    """

    x: float
    y: float
    yaw: float
    visit: int
    exposure: float
    noise_seed: int

    def shots(self, settings: CitySettings, pitches: int) -> Iterator[tuple[int, int, Shot]]:
        """Yield (pitch number, yaw number, shot), both numbers counted from 1 as in the published names."""
        for pitch in range(1, pitches + 1):
            for yaw in settings.yaw_numbers:
                shot = Shot(
                    x=self.x,
                    y=self.y,
                    yaw=(self.yaw + (yaw - 1) * _TURN / YAW_STEPS) % _TURN,
                    pitch=_PITCHES[pitch - 1],
                    field_of_view=settings.field_of_view,
                    camera_height=_CAR_HEIGHT,
                    visit=self.visit,
                    exposure=self.exposure,
                    noise_seed=self.noise_seed + (pitch - 1) * YAW_STEPS + yaw,
                )
                yield pitch, yaw, shot


class Survey:
    """One city, large enough for the places that the settings ask for, and all its standpoints."""

    def __init__(self, settings: CitySettings, name: str) -> None:
        self.settings = settings
        self.name = name
        self.zone, self.letter, self._east, self._north = _ANCHORS[name]
        self._key = (settings.seed, SURVEYS.index(name))
        self.district, self.standpoints = self._grown(getattr(settings, f"{name}_places"))

    def utm(self, x: float, y: float) -> tuple[float, float]:
        """Easting and northing (m) of a local position."""
        return self._east + x, self._north + y

    def database(self, *, along_street: bool) -> Iterator[Panorama]:
        """Yield the panoramas of the drive; their first view looks along the street, or else north."""
        rng = self._rng("database")
        for spot in self.standpoints:
            x, y = spot.point(0.0, spot.street.carriageway / 4)
            yaw = spot.heading if along_street else 0.0
            yield Panorama(x, y, yaw, _DATABASE_VISIT, _exposure(rng, 0.12), _noise_seed(rng))

    def queries(self) -> Iterator[Panorama]:
        """Yield the panoramas of a second drive two years later: other places, lanes, directions, light."""
        rng = self._rng("queries")
        count = max(1, round(len(self.standpoints) * self.settings.query_share))
        for home in self._homes(rng, count):
            lane = home.street.carriageway / 4
            pavement = _pavement(home.street)
            right = float(rng.choice((lane, -lane, pavement, -pavement), p=(0.35, 0.35, 0.15, 0.15)))
            x, y = self._near(rng, home, right)
            yaw = (home.heading + float(rng.choice((0.0, 180.0))) + float(rng.uniform(-15, 15))) % _TURN
            yield Panorama(x, y, yaw, _QUERY_VISIT, _exposure(rng, 0.35), _noise_seed(rng))

    def walk(self, count: int) -> Iterator[Shot]:
        """Yield `count` shots as people with phones take them: on the pavement, along or across the road."""
        rng = self._rng("walk")
        for home in self._homes(rng, count):
            right = _pavement(home.street) * float(rng.choice((1.0, -1.0)))
            x, y = self._near(rng, home, right)
            yield Shot(
                x=x,
                y=y,
                yaw=_gaze(rng, home, right),
                pitch=float(rng.uniform(0, 9)),
                field_of_view=float(rng.uniform(58, 72)),
                camera_height=_HAND_HEIGHT,
                visit=_QUERY_VISIT,
                exposure=_exposure(rng, 0.3),
                noise_seed=_noise_seed(rng),
            )

    def stray(self, count: int, occasion: str) -> Iterator[Shot]:
        """Yield `count` shots at random places of the streets, unrelated to those of another `occasion`."""
        rng = self._rng(occasion)
        for index in range(count):
            spot = self.standpoints[int(rng.integers(len(self.standpoints)))]
            lane, pavement = spot.street.carriageway / 4, _pavement(spot.street)
            on_foot = bool(rng.random() < 0.25)
            right = float(rng.choice((pavement, -pavement) if on_foot else (lane, -lane)))
            x, y = spot.point(float(rng.uniform(-0.5, 0.5)) * self.settings.spacing, right)
            round_about = (spot.heading + 30.0 * index + float(rng.uniform(-15, 15))) % _TURN
            yaw = _gaze(rng, spot, right) if on_foot else round_about
            yield Shot(
                x=x,
                y=y,
                yaw=yaw,
                pitch=float(rng.choice(_PITCHES[: self.settings.pitches])) + float(rng.uniform(-3, 3)),
                field_of_view=self.settings.field_of_view,
                camera_height=_HAND_HEIGHT if on_foot else _CAR_HEIGHT,
                visit=int(rng.integers(2)),
                exposure=_exposure(rng, 0.2),
                noise_seed=_noise_seed(rng),
            )

    def _rng(self, occasion: str) -> np.random.Generator:
        return np.random.default_rng([*self._key, *occasion.encode("ascii")])

    def _grown(self, places: int) -> tuple[District, tuple[Standpoint, ...]]:
        """A square city of this seed, just large enough, and its first `places` standpoints."""
        seed = int(np.random.default_rng(self._key).integers(2**31))
        blocks = 1
        while True:
            city = build_city(seed, blocks, blocks)
            if max(city.extent) > _LARGEST_EXTENT:
                raise ParameterError(
                    f"{self.name}_places: {places} places {self.settings.spacing} m apart need a city of "
                    f"more than {_LARGEST_EXTENT / 1000:g} km, the distance to the next city"
                )
            found = _standpoints(city, self.settings.spacing)
            if len(found) >= places:
                return District(seed, blocks, blocks), found[:places]
            # Planning is fast, but not for a thousand sizes.
            blocks = max(blocks + 1, int(blocks * math.sqrt(places / max(1, len(found))) * 0.95))

    def _homes(self, rng: np.random.Generator, count: int) -> Iterator[Standpoint]:
        """Yield drawn standpoints in the order of the drive, each once before any comes again."""
        while count > 0:
            drawn = sorted(rng.permutation(len(self.standpoints))[:count].tolist())
            for index in drawn:
                yield self.standpoints[index]
            count -= len(drawn)

    def _near(self, rng: np.random.Generator, home: Standpoint, right: float) -> tuple[float, float]:
        """A point of the same street, drawn near `home`, `right` metres to the right of the centre line."""
        nearest, furthest = _FAR if rng.random() < _FAR_SHARE else _NEAR
        distance = float(rng.uniform(nearest, furthest))
        across = right - home.street.carriageway / 4
        along = math.sqrt(max(0.0, distance**2 - across**2)) * float(rng.choice((1.0, -1.0)))
        sign = 1.0 if home.forward else -1.0
        # People on the pavement are not in the middle of a crossing.
        low, high = home.street.start_gap + 1.0, home.street.length - home.street.end_gap - 1.0
        wanted = home.along + sign * along
        if not low <= wanted <= high:
            mirrored = home.along - sign * along
            wanted = mirrored if low <= mirrored <= high else min(max(wanted, low), high)
        return home.point(sign * (wanted - home.along), right)


def _standpoints(city: City, spacing: float) -> tuple[Standpoint, ...]:
    """Every place of the drive through all streets, at `spacing`; one where two streets meet."""
    spots: list[Standpoint] = []
    for index, street in enumerate(city.streets):
        forward = index % 2 == 0
        steps = int(street.length // spacing)
        start = (street.length - (steps - 1) * spacing) / 2
        spots.extend(Standpoint(street, start + step * spacing, forward) for step in range(steps))
    if not spots:
        return ()
    points = np.array([spot.point(0.0, spot.street.carriageway / 4) for spot in spots])
    crowded: set[int] = set()
    for one, other in sorted(cKDTree(points).query_pairs(_CROSSING_SHARE * spacing)):
        if one not in crowded:
            crowded.add(other)
    return tuple(spot for index, spot in enumerate(spots) if index not in crowded)


def _pavement(street: Street) -> float:
    """Metres from the centre line to the middle of the pavement."""
    return street.carriageway / 2 + PAVEMENT / 2


def _gaze(rng: np.random.Generator, home: Standpoint, right: float) -> float:
    """Where a person on the pavement looks: along the street, at the opposite fronts, or anywhere."""
    kind = rng.random()
    jitter = float(rng.normal(0, 9))
    if kind < 0.55:
        return (home.heading + float(rng.choice((0.0, 180.0))) + jitter) % _TURN
    if kind < 0.85:
        return (home.heading + math.copysign(90.0, -right) + jitter) % _TURN
    return float(rng.uniform(0, _TURN))


def _exposure(rng: np.random.Generator, deviation: float) -> float:
    """Stops, normally distributed and never beyond what a camera would correct."""
    return float(np.clip(rng.normal(0, deviation), -0.9, 0.9))


def _noise_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 2 * YAW_STEPS - 2))
