"""Photographs divided into train, val, test by geographic blocks, and into database and queries.

Photographs of different splits are at least `gap_metres` apart. Clusters of photographs (chains with steps
shorter than the gap) that fit into one block stay complete; only larger clusters are cut, and there as few
photographs as possible are left out because they are too close to another split.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.datasets.image_set.image_set import SPLITS
from pipeline.datasets.image_set.utm_grid import LatLon, UtmGrid, grid_of_places
from pipeline.runtime.errors import SetError, UserError

# WGS 84.
_SEMI_MAJOR = 6_378_137.0
_ECCENTRICITY_SQUARED = 6.69437999014e-3
# UTM metres are at most 0.04 % shorter than true ones, and positions in names are rounded to 1 cm. A gap kept
# in true metres with this margin is therefore also kept in the coordinates of the names.
_UTM_MARGIN = 1.001
_ROUNDING = 0.02

# Column and row of a block.
_Cell = tuple[int, int]


def earth_positions(places: Sequence[LatLon] | np.ndarray) -> np.ndarray:
    """Positions (N, 3) in metres from the earth's centre (WGS 84) of (latitude, longitude) pairs in degrees.

    For neighbours, straight lines between them are true distances, also across borders of zones.
    """
    latitude, longitude = np.radians(np.asarray(places, dtype=np.float64).reshape(-1, 2)).T
    radius = _SEMI_MAJOR / np.sqrt(1 - _ECCENTRICITY_SQUARED * np.sin(latitude) ** 2)
    return np.stack(
        [
            radius * np.cos(latitude) * np.cos(longitude),
            radius * np.cos(latitude) * np.sin(longitude),
            radius * (1 - _ECCENTRICITY_SQUARED) * np.sin(latitude),
        ],
        axis=1,
    )


def split_by_blocks(
    places: Sequence[LatLon],
    shares: Mapping[str, float],
    *,
    seed: int,
    block_metres: float,
    gap_metres: float,
) -> list[str]:
    """The split of each (latitude, longitude), "" for one that is too close to another split.

    `shares` maps each of train, val, test to its part of the photographs (any positive numbers, 0 for none).
    The same places in the same order give the same splits. Raises `UserError` if a wanted split is empty.
    """
    unique, inverse, weights = np.unique(
        np.asarray(places, dtype=np.float64).reshape(-1, 2), axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    positions = earth_positions(unique)
    gap = gap_metres * _UTM_MARGIN + _ROUNDING
    cells = _cells(unique, grid_of_places(places), positions, block_metres, gap)
    split_of_cell = _assign(cells, weights, shares, seed)
    splits = np.array([split_of_cell[cell] for cell in cells], dtype=object)
    splits[_too_close(positions, splits, weights, gap)] = ""
    _require_apart(positions, splits, gap)
    for split, share in shares.items():
        if share > 0 and split not in splits:
            raise UserError(
                f"no photographs are left for {split}: {len(set(cells))} blocks of {block_metres:g} m have "
                f"{len(unique)} places",
                hint="set a smaller block_metres, or a share of 0 for this split",
            )
    return [str(split) for split in splits[inverse]]


def _cells(unique: np.ndarray, grid: UtmGrid, positions: np.ndarray, block: float, gap: float) -> list[_Cell]:
    """The block of every place in the grid; a cluster that is no wider than a block has only one."""
    cells = [(int(column), int(row)) for column, row in grid.metres(unique) // block]
    pairs = cKDTree(positions).query_pairs(gap, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(unique),) * 2)
    count, cluster_of = connected_components(links, directed=False)
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, cluster_of, positions)
    np.maximum.at(high, cluster_of, positions)
    fits = np.max(high - low, axis=1) <= block
    first = np.unique(cluster_of, return_index=True)[1]
    return [
        cells[first[cluster]] if fits[cluster] else cells[index] for index, cluster in enumerate(cluster_of)
    ]


def _assign(
    cells: Sequence[_Cell], weights: np.ndarray, shares: Mapping[str, float], seed: int
) -> dict[_Cell, str]:
    """Give each block, in a seeded order, to the split that lacks the most photographs for its share."""
    held: Counter[_Cell] = Counter()
    for cell, weight in zip(cells, weights, strict=True):
        held[cell] += int(weight)
    # Python's `sum` rounds differently from 3.12 on, and datasets must not depend on the version.
    whole = float(np.cumsum(list(shares.values()))[-1])
    lacking = {split: shares.get(split, 0) / whole * float(weights.sum()) for split in SPLITS}
    order = sorted(held)
    np.random.default_rng([seed, len(order)]).shuffle(order)
    split_of_cell = {}
    for cell in order:
        split = max(SPLITS, key=lambda name: lacking[name])
        split_of_cell[cell] = split
        lacking[split] -= held[cell]
    return split_of_cell


def _too_close(positions: np.ndarray, splits: np.ndarray, weights: np.ndarray, gap: float) -> list[int]:
    """A few places without which no two of different splits are within `gap` metres of each other.

    A greedy minimum vertex cover: always the place that is near the most photographs of other splits.
    """
    against: dict[int, set[int]] = defaultdict(set)
    for one, other in cKDTree(positions).query_pairs(gap, output_type="ndarray"):
        if splits[one] != splits[other]:
            against[int(one)].add(int(other))
            against[int(other)].add(int(one))

    def gain(place: int) -> float:
        return -sum(int(weights[other]) for other in against[place]) / float(weights[place])

    waiting = [(gain(place), place) for place in sorted(against)]
    heapq.heapify(waiting)
    dropped = []
    while waiting:
        stale_gain, place = heapq.heappop(waiting)
        if not against[place]:
            continue
        if gain(place) != stale_gain:
            heapq.heappush(waiting, (gain(place), place))
            continue
        dropped.append(place)
        for other in against.pop(place):
            against[other].discard(place)
    return dropped


def _require_apart(positions: np.ndarray, splits: np.ndarray, gap: float) -> None:
    for split in SPLITS:
        here = np.flatnonzero(splits == split)
        elsewhere = np.flatnonzero((splits != split) & (splits != ""))
        if len(here) and len(elsewhere):
            nearest = float(cKDTree(positions[here]).query(positions[elsewhere])[0].min())
            if nearest <= gap:
                raise SetError(f"photographs of {split} and of another split are only {nearest:.2f} m apart")


def queries_by_share(places: Sequence[LatLon], share: float, seed: int) -> list[bool]:
    """Draw about `share` of the places (seeded) as queries; photographs of one place stay together.

    If there are two places or more, at least one is a query and one is not.
    """
    unique = sorted(set(places))
    count = min(max(1, round(len(unique) * share)), len(unique) - 1)
    chosen = np.random.default_rng([seed, len(unique)]).permutation(len(unique))[: max(count, 0)]
    queries = {unique[index] for index in chosen}
    return [place in queries for place in places]


def queries_by_date(dates: Sequence[str], share: float) -> list[bool]:
    """Make the newest photographs queries, about `share` of them; those of one date stay together.

    Dates are digits, most significant first (`20190501_1230`): only the day is compared.
    """
    days = [date[:8] for date in dates]
    counts = Counter(days)
    wanted, taken, first_query_day = max(1, round(len(days) * share)), 0, ""
    for day in sorted(counts, reverse=True)[:-1]:
        if taken and taken + counts[day] - wanted > wanted - taken:
            break
        taken, first_query_day = taken + counts[day], day
        if taken >= wanted:
            break
    return [bool(first_query_day) and day >= first_query_day for day in days]
