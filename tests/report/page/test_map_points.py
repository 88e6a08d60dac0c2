from __future__ import annotations

import numpy as np

from pipeline.report.page.map_points import decimetres, drawn_standpoints


def test_places_that_can_be_seen_apart_all_stay() -> None:
    places = np.array([(0.0, 0.0), (0.0, 500.0), (1000.0, 3.0)])
    assert drawn_standpoints(places).tolist() == places.tolist()


def test_of_places_in_one_spot_of_the_map_one_stays() -> None:
    # A kilometre is 1280 spots: 0.78 m each.
    places = np.array([(0.0, 0.0), (0.2, 0.3), (0.9, 0.0), (1000.0, 0.0)])
    assert drawn_standpoints(places).tolist() == [[0, 0], [0.9, 0], [1000, 0]]


def test_many_places_are_thinned_evenly() -> None:
    places = np.random.default_rng(0).uniform(0, 5000, (100_000, 2))
    drawn = drawn_standpoints(places)
    assert 5_000 < len(drawn) <= 20_000
    in_quarters = [((drawn // 2500) == corner).all(1).sum() for corner in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert min(in_quarters) > 0.9 * max(in_quarters)


def test_a_single_place_and_none() -> None:
    assert drawn_standpoints(np.array([(3.0, 4.0)] * 5)).tolist() == [[3, 4]]
    assert len(drawn_standpoints(np.zeros((0, 2)))) == 0


def test_places_are_told_in_whole_decimetres_from_the_origin() -> None:
    assert decimetres(
        np.array([(584_001.26, 4_477_000.0), (584_000.0, 4_477_123.44)]), (584_000.0, 4_477_000.0)
    ) == [
        *(13, 0),
        *(0, 1234),
    ]
