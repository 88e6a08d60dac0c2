"""UTM grids: one zone and one origin of northing, in which the positions of a dataset are metres.

Zones end every six degrees, and northing starts again at the equator. A grid can be extended beyond these,
with metres that get longer than true ones. So all images of a dataset use the grid of most of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import utm

# Latitude and longitude in degrees (WGS 84).
LatLon = tuple[float, float]

# Distances between images of a dataset are wrong by at most this share.
_MOST_WRONG = 0.005
# Scale of UTM metres on the central meridian.
_CENTRAL_SCALE = 0.9996
# Degrees from the central meridian up to which the series of the projection is valid, also in the far north.
_WIDEST = 20.0

# Smallest and largest latitude and longitude of UTM; middle and half the size of a grid in metres.
_DEGREES = np.array([[-80.0, -180.0], [84.0, 180.0]])
_MIDDLE, _REACH = np.array([500_000.0, 5_000_000.0]), np.array([700_000.0, 15_000_000.0])

_FIRST_NORTHERN_BAND, _LAST_SOUTHERN_BAND = "N", "M"
# Band S ends at 40 degrees north.
_NORTHMOST_OF_BAND_S = 4_500_000.0
_RECORDED = re.compile(r"utm ([1-9]|[1-5]\d|60)([NS])")
_IN_NAME = re.compile(r"(0?[1-9]|[1-5]\d|60)@([C-HJ-NP-X])")
# Other conventions have a date or a panorama in these fields.
_LIKE_A_ZONE = re.compile(r"\d{0,2}@[A-Za-z]?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class UtmGrid:
    """A UTM zone (1 to 60) and whether northing counts from the equator, or from 10,000 km south of it.

    It extends beyond the borders of the zone and the equator, where northing is negative or more than
    10,000 km.
    """

    zone: int
    northern: bool

    def __str__(self) -> str:
        return f"{self.zone}{'N' if self.northern else 'S'}"

    @property
    def recorded(self) -> str:
        """The grid as the column positions_in of a manifest has it: `utm 31N`."""
        return f"utm {self}"

    @property
    def meridian(self) -> int:
        """The zone's central meridian in degrees."""
        return self.zone * 6 - 183

    def metres(self, places: Sequence[LatLon] | np.ndarray) -> np.ndarray:
        """East and north (N, 2) in metres of latitudes and longitudes (N, 2) in degrees."""
        latitude, longitude = _columns(places)
        east, north, *_ = utm.from_latlon(latitude, longitude, self.zone, force_northern=self.northern)
        return np.stack([east, north], axis=1)

    def places(self, metres: np.ndarray) -> np.ndarray:
        """Latitudes and longitudes (N, 2) in degrees of east and north (N, 2), exact to a few millimetres.

        They are nan for numbers outside the grid (see `beyond`).
        """
        metres = np.asarray(metres, dtype=np.float64).reshape(-1, 2)
        inside = (np.abs(metres - _MIDDLE) <= _REACH).all(axis=1)
        wanted = np.where(inside[:, None], metres, _MIDDLE)
        # The inverse series is shorter, and wrong by metres far from the central meridian.
        proposed = wanted
        for _ in range(3):
            proposed = proposed + wanted - self.metres(np.clip(self._back(proposed), *_DEGREES))
        return np.where(inside[:, None], self._back(proposed), np.nan)

    def _back(self, metres: np.ndarray) -> np.ndarray:
        pair = utm.to_latlon(*metres.T, self.zone, northern=self.northern, strict=False)
        return np.stack(pair, axis=1)

    def degrees_east(self, places: Sequence[LatLon] | np.ndarray) -> np.ndarray:
        """How far east of the central meridian the places are (N,), -180 to 180 degrees."""
        return (_columns(places)[1] - self.meridian + 180) % 360 - 180

    def beyond(self, places: Sequence[LatLon] | np.ndarray) -> np.ndarray:
        """Whether places are so far from the central meridian that distances are wrong by over 0.5 % (N,).

        That is about 660 km, and at most 20 degrees.
        """
        latitude, east = np.radians(_columns(places)[0]), self.degrees_east(places)
        scale = _CENTRAL_SCALE / np.sqrt(1 - (np.cos(latitude) * np.sin(np.radians(east))) ** 2)
        return ~((np.abs(east) <= _WIDEST) & (scale <= 1 + _MOST_WRONG))

    def band(self, latitude: float) -> str:
        """The letter of a latitude in degrees; beyond the equator, the nearest one of this grid."""
        letter = str(utm.latitude_to_zone_letter(latitude))
        if self.northern:
            return max(letter, _FIRST_NORTHERN_BAND)
        return min(letter, _LAST_SOUTHERN_BAND)


def own_grid(place: LatLon) -> UtmGrid:
    """The grid of the zone that a place is in, with the wide zones of Norway and Svalbard."""
    letter = str(utm.latitude_to_zone_letter(place[0]))
    return UtmGrid(utm.latlon_to_zone_number(*place), letter >= _FIRST_NORTHERN_BAND)


def grid_of_most(grids: Iterable[UtmGrid]) -> UtmGrid:
    """The most frequent zone and hemisphere of `grids`; in a tie, the lowest zone, and north."""
    grids = list(grids)
    zones, northern = Counter(grid.zone for grid in grids), Counter(grid.northern for grid in grids)
    return UtmGrid(min(zones, key=lambda zone: (-zones[zone], zone)), northern[True] >= northern[False])


def grid_of_places(places: Iterable[LatLon]) -> UtmGrid:
    """The one grid for all `places`: that of most of them."""
    return grid_of_most(own_grid(place) for place in places)


def brought(metres: np.ndarray, grids: Sequence[UtmGrid], to: UtmGrid) -> np.ndarray:
    """East and north (N, 2) in the grid `to` of positions in `grids`; nan for those beyond it."""
    found = metres.copy()
    for grid in set(grids) - {to}:
        here = np.flatnonzero([one == grid for one in grids])
        places = grid.places(metres[here])
        beyond = to.beyond(places)
        found[here[beyond]] = np.nan
        if not beyond.all():
            found[here[~beyond]] = to.metres(places[~beyond])
    return found


@lru_cache(maxsize=256)
def recorded_grid(positions_in: str) -> UtmGrid | None:
    """The grid in the column positions_in of a manifest, None if there is none."""
    found = _RECORDED.fullmatch(positions_in)
    return UtmGrid(int(found[1]), found[2] == "N") if found else None


def zone_in_name(name: str) -> str:
    """Fields 3 and 4 of the name of an image, such as `17T`; "" if they are not a zone."""
    fields = _fields(name)[3:5]
    return "".join(fields) if _LIKE_A_ZONE.fullmatch("@".join(fields)) else ""


def grid_in_name(name: str) -> UtmGrid | None:
    """The grid of fields 3 and 4 of the name of an image; None if they are not a zone and a letter."""
    fields = _fields(name)
    grid = _grid_of("@".join(fields[3:5]))
    if grid and fields[4] == "S" and (fields[5].startswith("-") or float(fields[2]) > _NORTHMOST_OF_BAND_S):
        # Not the band S: some programs write S for the southern hemisphere.
        return UtmGrid(grid.zone, False)
    return grid


def _fields(name: str) -> list[str]:
    return name.rpartition("/")[2].split("@", 6)


@lru_cache(maxsize=4096)
def _grid_of(zone_and_letter: str) -> UtmGrid | None:
    found = _IN_NAME.fullmatch(zone_and_letter)
    return UtmGrid(int(found[1]), found[2] >= _FIRST_NORTHERN_BAND) if found else None


def _columns(places: Sequence[LatLon] | np.ndarray) -> np.ndarray:
    """Latitudes and longitudes, (2, N)."""
    return np.asarray(places, dtype=np.float64).reshape(-1, 2).T
