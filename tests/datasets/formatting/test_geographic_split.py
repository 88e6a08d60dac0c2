from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import utm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pipeline.datasets.formatting import geographic_split
from pipeline.datasets.formatting.geographic_split import (
    earth_positions,
    queries_by_date,
    queries_by_share,
    split_by_blocks,
)
from pipeline.datasets.image_set.image_names import name_at
from pipeline.runtime.errors import SetError, UserError

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def places_at(points: np.ndarray, east: float = 585000, north: float = 4477000) -> list[tuple[float, float]]:
    """Latitudes and longitudes of local positions in metres."""
    return [
        tuple(map(float, utm.to_latlon(east + x, north + y, 17, "T")))  # type: ignore[misc]
        for x, y in points
    ]


def drive(count: int, spacing: float = 10.0) -> np.ndarray:
    return np.stack([np.arange(count) * spacing, np.zeros(count)], axis=1)


def nearest_between_splits(places: list[tuple[float, float]], chosen: list[str]) -> float:
    """Metres by the coordinates that a reader takes from the names."""
    names = [name_at(*place) for place in places]
    positions = np.array([(name.east, name.north) for name in names])
    kept = {split: positions[[s == split for s in chosen]] for split in SHARES}
    found = math.inf
    for one, other in itertools.combinations(kept.values(), 2):
        if len(one) and len(other):
            found = min(found, float(cKDTree(one).query(other)[0].min()))
    return found


@settings(max_examples=40)
@given(
    points=st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 3000)), min_size=60, max_size=150),
    seed=st.integers(0, 1000),
    gap=st.floats(50, 120),
)
def test_splits_are_apart_in_the_coordinates_of_the_names(
    points: list[tuple[float, float]], seed: int, gap: float
) -> None:
    places = places_at(np.array(points))
    try:
        chosen = split_by_blocks(places, SHARES, seed=seed, block_metres=300, gap_metres=gap)
    except UserError:
        return
    assert nearest_between_splits(places, chosen) >= gap
    assert set(chosen) <= {*SHARES, ""}


def test_a_long_drive_is_cut_with_few_losses() -> None:
    places = places_at(drive(600))
    chosen = split_by_blocks(places, SHARES, seed=3, block_metres=1000, gap_metres=50)
    assert nearest_between_splits(places, chosen) >= 50
    borders = sum(one != other for one, other in itertools.pairwise(filter(None, chosen)))
    # Five places must go at each border: those of either side whose distances sum up to less than the gap.
    assert 0 < chosen.count("") <= 5 * borders


def test_scattered_clusters_lose_nothing() -> None:
    centres = np.stack(np.meshgrid(np.arange(8) * 200.0, np.arange(8) * 200.0), axis=-1).reshape(-1, 2)
    points = np.concatenate([centres + offset for offset in ((0, 0), (30, 0), (0, 30))])
    places = places_at(points)
    chosen = split_by_blocks(places, SHARES, seed=1, block_metres=150, gap_metres=50)
    assert "" not in chosen
    assert nearest_between_splits(places, chosen) >= 50
    # Each cluster stays whole, although many lie across the border of two blocks.
    assert all(len({chosen[index + 64 * part] for part in range(3)}) == 1 for index in range(64))


def test_the_shares_are_about_kept_and_views_of_one_place_stay_together() -> None:
    rng = np.random.default_rng(5)
    points = np.repeat(rng.uniform(0, 20_000, (400, 2)), 6, axis=0)
    chosen = split_by_blocks(places_at(points), SHARES, seed=2, block_metres=500, gap_metres=50)
    for split, share in SHARES.items():
        assert chosen.count(split) / len(chosen) == pytest.approx(share, abs=0.04)
    assert all(len(set(chosen[index : index + 6])) == 1 for index in range(0, len(chosen), 6))


def test_a_share_of_nought_gives_nothing() -> None:
    chosen = split_by_blocks(
        places_at(drive(100, 100.0)),
        {"train": 0.5, "val": 0.0, "test": 0.5},
        seed=2,
        block_metres=200,
        gap_metres=50,
    )
    assert set(chosen) == {"train", "test"}


def test_the_seed_decides_and_repeats() -> None:
    places = places_at(drive(300, 60.0))
    first, again, other = (
        split_by_blocks(places, SHARES, seed=seed, block_metres=300, gap_metres=50) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_too_few_blocks_is_a_clear_error() -> None:
    with pytest.raises(
        UserError, match="no photographs are left for val: 1 blocks of 5000 m have 5 places"
    ) as caught:
        split_by_blocks(places_at(drive(5)), SHARES, seed=1, block_metres=5000, gap_metres=50)
    assert "smaller block_metres" in str(caught.value)


def test_distances_hold_across_a_zone_border() -> None:
    """Zones 31 and 32 meet at 6 degrees east; their eastings have nothing to do with each other."""
    places = [(50.0, 6.0 + 0.0001 * step) for step in range(-400, 400)]
    chosen = split_by_blocks(places, SHARES, seed=4, block_metres=600, gap_metres=50)
    positions = earth_positions(places)
    for one, other in itertools.combinations(SHARES, 2):
        first, second = (positions[[s == split for s in chosen]] for split in (one, other))
        assert cKDTree(first).query(second)[0].min() > 50


def test_earth_positions_measure_metres() -> None:
    places = places_at(np.array([[0.0, 0.0], [300.0, 400.0]]))
    one, other = earth_positions(places)
    assert float(np.linalg.norm(one - other)) == pytest.approx(500, rel=5e-4)


def test_the_assertion_can_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geographic_split, "_too_close", lambda *_: [])
    with pytest.raises(SetError, match=r"photographs of \w+ and of another split are only 10\.0. m apart"):
        split_by_blocks(places_at(drive(300)), SHARES, seed=1, block_metres=500, gap_metres=50)


@given(
    st.lists(st.sampled_from([(1.0, 2.0), (1.0, 3.0), (2.0, 2.0), (5.0, 5.0)]), min_size=1),
    st.floats(0.01, 0.99),
)
def test_queries_by_share_keep_places_together(places: list[tuple[float, float]], share: float) -> None:
    queries = queries_by_share(places, share, seed=1)
    by_place = {place: {q for p, q in zip(places, queries, strict=True) if p == place} for place in places}
    assert all(len(found) == 1 for found in by_place.values())
    if len(by_place) > 1:
        assert set(queries) == {True, False}
    assert queries == queries_by_share(places, share, seed=1)


def test_queries_by_share_count_places() -> None:
    places = [(float(index), 0.0) for index in range(100)]
    assert sum(queries_by_share(places, 0.25, seed=1)) == 25
    assert queries_by_share(places, 0.25, seed=1) != queries_by_share(places, 0.25, seed=2)


def test_queries_by_date_are_the_newest() -> None:
    dates = ["20190101", "20210505_1200", "20150101", "20210505_0900", "20180101", "20160101"]
    assert queries_by_date(dates, 0.3) == [False, True, False, True, False, False]


@given(
    st.lists(st.sampled_from(["20190101", "20190102", "20200101_10", "20211231"]), min_size=1),
    st.floats(0.01, 0.99),
)
def test_queries_by_date_are_never_older_than_the_database(dates: list[str], share: float) -> None:
    queries = queries_by_date(dates, share)
    old = [date[:8] for date, query in zip(dates, queries, strict=True) if not query]
    new = [date[:8] for date, query in zip(dates, queries, strict=True) if query]
    assert old
    if len({date[:8] for date in dates}) > 1:
        assert new
        assert min(new) > max(old)
    else:
        assert not new
