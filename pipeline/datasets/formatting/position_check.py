"""Checks that the positions in the names of a dataset are metres that can be compared with each other."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from pipeline.datasets.formatting.far_groups import FAR, far_groups
from pipeline.datasets.formatting.geographic_split import earth_positions
from pipeline.datasets.image_set.image_names import position_of
from pipeline.datasets.image_set.image_set import FRAMES, SPLITS, UNPLACED, ImageRow
from pipeline.datasets.image_set.utm_grid import UtmGrid, zone_in_name
from pipeline.runtime.errors import UserError, listed

_LOG = logging.getLogger(__name__)

# Metres within which a database image is a positive, in the published protocols.
_RADIUS = 25.0
# Metres: images of two zones that are nearer than this are from the same area.
_ONE_GROUND = 1000.0
# UTM eastings are at least this, far above degrees and local metres.
_LEAST_EASTING = 100_000.0
# In names, metres have two decimals and degrees more. The nearest images are more than half a centimetre
# apart, and less than half a kilometre, which is 0.005 degrees.
_DECIMALS_OF_DEGREES, _DENSE = 4, 0.005

# Indexes of images by the grid of their positions, or by what the names have instead.
_Grounds = dict[UtmGrid | str, list[int]]


def check_positions(rows: Sequence[ImageRow], cities: Sequence[str] = ()) -> None:
    """Raise `UserError` if positions of a dataset are not metres, or are metres of two zones in one area.

    cities: the city of each row, in a dataset of many cities; "" or empty in others. Zones are ignored
    wherever positions are compared, so `UserError` also names images of two cities with nearly equal numbers.

    Warns of several zones, of images far from the others of their zone, of degrees in names that contradict
    the metres, and of a split that lies completely within the radius of the protocols. Positions that count
    frames, or are unknown, are not checked.
    """
    if rows[0].positions_in in (FRAMES, UNPLACED):
        return
    positions = np.array([position_of(row.name) for row in rows])
    grounds: _Grounds = {}
    for index, row in enumerate(rows):
        grounds.setdefault(row.grid or zone_in_name(row.name) or "no zone", []).append(index)
    of_city: dict[str, list[int]] = {}
    for index, city in enumerate(cities):
        if city:
            of_city.setdefault(city, []).append(index)
    if not rows[0].positions_in:
        _refuse_degrees(rows, positions)
        _require_one_ground(rows, positions, grounds)
        if len(of_city) > 1:
            _require_cities_apart(rows, positions, of_city)
        elif len(grounds) > 1:
            _warn_of_zones(rows, grounds)
        _warn_of_contradictions(rows, positions, grounds)
    for indexes in (of_city or grounds).values():
        _warn_of_far_groups([rows[index] for index in indexes], positions[indexes])
    _warn_of_small_splits(rows, positions)


def _refuse_degrees(rows: Sequence[ImageRow], positions: np.ndarray) -> None:
    """Degrees are as small as local metres; their decimals and their density distinguish them."""
    furthest = np.abs(positions).max(axis=1)
    small = furthest <= 180
    if small.all():
        if not _look_like_degrees(rows, positions):
            return
        suspect, what = list(rows), "they look like degrees"
    elif small.any() and furthest[~small].min() >= _LEAST_EASTING:
        suspect = [row for row, is_small in zip(rows, small, strict=True) if is_small]
        what = "they are degrees or no position, while all others are UTM metres"
    else:
        return
    raise UserError(
        f"fields 1 and 2 of {len(suspect):,} of {len(rows):,} names are not metres: {what}:"
        + listed(row.name for row in suspect),
        hint="write UTM metres there, or use form folder with a CSV of latitude and longitude; local metres"
        " are accepted with two decimals",
    )


def _look_like_degrees(rows: Sequence[ImageRow], positions: np.ndarray) -> bool:
    names = [row.file_name.split("@") for row in rows]
    fine = sum(max(map(_decimals, fields[1:3])) >= _DECIMALS_OF_DEGREES for fields in names)
    if sum(map(_repeats, names)) > len(rows) / 2:
        return True
    places = np.unique(positions, axis=0)
    return fine > len(rows) / 2 and (np.ptp(places, axis=0).max() < _RADIUS or _median_step(places) < _DENSE)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _repeats(fields: Sequence[str]) -> bool:
    """Whether latitude and longitude in a name equal easting and northing, in any order."""
    try:
        return sorted(map(float, fields[5:7])) == sorted(map(float, fields[1:3]))
    except ValueError:
        return False


def _median_step(places: np.ndarray) -> float:
    """The median distance from a place to its nearest neighbour."""
    return float(np.median(cKDTree(places).query(places, k=2)[0][:, 1]))


def _require_one_ground(rows: Sequence[ImageRow], positions: np.ndarray, grounds: _Grounds) -> None:
    """Metres of two zones cannot be compared: raise an error if images of both are near each other."""
    of_grid = sorted((grid, indexes) for grid, indexes in grounds.items() if isinstance(grid, UtmGrid))
    earth = {grid: earth_positions(grid.places(positions[indexes])) for grid, indexes in of_grid}
    for (one, here), (other, there) in itertools.combinations(of_grid, 2):
        if pair := _near_pair(earth[one], earth[other]):
            meeting = [rows[here[pair[0]]].name, rows[there[pair[1]]].name]
            raise UserError(
                f"names near the border of the UTM zones {one} and {other} are in both, so distances across"
                " it would be wrong:" + listed(meeting),
                hint="write all names in one zone, as form folder does from a CSV of latitude and longitude",
            )


def _require_cities_apart(
    rows: Sequence[ImageRow], positions: np.ndarray, of_city: dict[str, list[int]]
) -> None:
    """Cities far from each other may have the same numbers of metres, each in its own zone."""
    for (one, here), (other, there) in itertools.combinations(sorted(of_city.items()), 2):
        if rows[here[0]].grid != rows[there[0]].grid and (
            pair := _near_pair(positions[here], positions[there])
        ):
            meeting = [rows[here[pair[0]]].name, rows[there[pair[1]]].name]
            raise UserError(
                f"{one} and {other} are in different UTM zones, but have nearly the same numbers of metres,"
                f" so their images would count as neighbours:{listed(meeting)}",
                hint="make one dataset of each city, by listing it under cities in the section",
            )


def _warn_of_zones(rows: Sequence[ImageRow], grounds: _Grounds) -> None:
    _LOG.warning(
        "names are in %d UTM zones; distances between zones mean nothing. The first image of each:%s",
        len(grounds),
        listed(sorted(f"{ground}: {rows[indexes[0]].name}" for ground, indexes in grounds.items())),
    )


def _near_pair(one: np.ndarray, other: np.ndarray) -> tuple[int, int] | None:
    """The indexes of the nearest two positions of (N, d) and (M, d); None if they are far apart."""
    here, there = (np.flatnonzero(np.isfinite(positions).all(axis=1)) for positions in (one, other))
    if not len(there):
        return None
    # Most cities are far from each other: search only what could be near.
    low, high = other[there].min(axis=0) - _ONE_GROUND, other[there].max(axis=0) + _ONE_GROUND
    here = here[((one[here] >= low) & (one[here] <= high)).all(axis=1)]
    if not len(here):
        return None
    distances, nearest = cKDTree(other[there]).query(one[here], distance_upper_bound=_ONE_GROUND)
    first = int(distances.argmin())
    return (int(here[first]), int(there[nearest[first]])) if distances[first] < np.inf else None


def _warn_of_contradictions(rows: Sequence[ImageRow], positions: np.ndarray, grounds: _Grounds) -> None:
    """Latitude and longitude, if present, must be those of the place that the metres say."""
    wrong: list[int] = []
    for grid, indexes in grounds.items():
        if isinstance(grid, UtmGrid):
            told = earth_positions([_degrees(rows[index].file_name) for index in indexes])
            apart = np.linalg.norm(told - earth_positions(grid.places(positions[indexes])), axis=1)
            wrong += np.array(indexes)[apart > _ONE_GROUND].tolist()
    if wrong:
        _LOG.warning(
            "fields 5 and 6 (degrees) of %d of %d names are more than 1 km from fields 1 to 4 (metres), which"
            " are used; first %s",
            len(wrong),
            len(rows),
            rows[min(wrong)].name,
        )


def _degrees(file_name: str) -> tuple[float, float]:
    """Latitude and longitude in a name, nan if it has none."""
    try:
        latitude, longitude = map(float, file_name.split("@", 7)[5:7])
    except ValueError:
        return math.nan, math.nan
    return latitude, longitude


def _warn_of_far_groups(rows: Sequence[ImageRow], positions: np.ndarray) -> None:
    most, *others = far_groups(positions)
    if others:
        _LOG.warning(
            "%d of %d images are more than about %d km from the others; check them:%s",
            len(rows) - len(most),
            len(rows),
            FAR // 1000,
            listed(_described(rows[group[0]], len(group)) for group in sorted(others, key=len)),
        )


def _described(row: ImageRow, count: int) -> str:
    fields = row.file_name.split("@", 7)
    at = fields[5:7] if all(map(math.isfinite, _degrees(row.file_name))) else fields[1:3]
    return f"{row.source} at {', '.join(at)}" + (f", and {count - 1:,} near it" if count > 1 else "")


def _warn_of_small_splits(rows: Sequence[ImageRow], positions: np.ndarray) -> None:
    places = np.array([(row.split, row.role) for row in rows])
    for split in SPLITS:
        here = places[:, 0] == split
        if len(set(places[here, 1])) == 2 and np.hypot(*np.ptp(positions[here], axis=0)) <= _RADIUS:
            _LOG.warning(
                "all %d images of %s are within %g m of each other, so every database image is a positive"
                " of every query; are their positions in metres?",
                here.sum(),
                split,
                _RADIUS,
            )
