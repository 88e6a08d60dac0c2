from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pipeline.city.layout.plan import City, build_city
from pipeline.city.layout.routes import PITTSBURGH_SPLITS, SURVEYS, Survey
from pipeline.runtime.errors import ParameterError
from tests.city.tiny import tiny

FEW = settings(max_examples=15)


def database_points(survey: Survey) -> np.ndarray:
    return np.array([(panorama.x, panorama.y) for panorama in survey.database(along_street=True)])


def room_to_the_fronts(city: City, x: float, y: float) -> float:
    """Metres from a point to the fronts of the street it is in; negative inside a house."""
    best = -np.inf
    for street in city.streets:
        offset = np.array([x, y]) - (street.x0, street.y0)
        on_line = np.clip(offset @ street.direction, 0, street.length)
        best = max(best, street.width / 2 - float(np.linalg.norm(offset - on_line * street.direction)))
    return best


@FEW
@given(
    seed=st.integers(0, 2**31 - 1),
    places=st.integers(1, 150),
    spacing=st.floats(4, 25),
    share=st.floats(0.01, 2),
)
def test_every_query_has_a_database_panorama_within_reach(
    seed: int, places: int, spacing: float, share: float
) -> None:
    survey = Survey(tiny(seed=seed, train_places=places, spacing=spacing, query_share=share), "train")
    points = database_points(survey)
    assert len(points) == places
    tree = cKDTree(points)
    queries = np.array([(panorama.x, panorama.y) for panorama in survey.queries()])
    assert len(queries) == max(1, round(places * share))
    walked = np.array([(shot.x, shot.y) for shot in survey.walk(20)])
    for taken in (queries, walked):
        assert (tree.query(taken)[0] <= 25.0).all()


@FEW
@given(seed=st.integers(0, 2**31 - 1), spacing=st.floats(4, 25))
def test_database_panoramas_keep_their_spacing(seed: int, spacing: float) -> None:
    points = database_points(Survey(tiny(seed=seed, val_places=60, spacing=spacing), "val"))
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    assert nearest.min() >= 0.7 * spacing - 1e-9
    assert np.median(nearest) == pytest.approx(spacing, rel=0.02)


@FEW
@given(seed=st.integers(0, 2**31 - 1))
def test_nobody_stands_in_a_house(seed: int) -> None:
    survey = Survey(tiny(seed=seed, train_places=40, query_share=1.0), "train")
    city = build_city(survey.district.seed, survey.district.blocks_east, survey.district.blocks_north)
    taken = [(panorama.x, panorama.y) for panorama in survey.queries()]
    taken += [(shot.x, shot.y) for shot in survey.walk(30)]
    taken += [(shot.x, shot.y) for shot in survey.stray(30, "test")]
    assert min(room_to_the_fronts(city, x, y) for x, y in taken) > 1.0


def test_most_queries_are_near_but_elsewhere() -> None:
    survey = Survey(tiny(train_places=120, spacing=15.0, query_share=1.0), "train")
    queries = np.array([(panorama.x, panorama.y) for panorama in survey.queries()])
    nearest = cKDTree(database_points(survey)).query(queries)[0]
    assert 2 < np.median(nearest) < 10
    assert (nearest > 10).any()


def test_the_districts_share_no_street() -> None:
    surveys = [Survey(tiny(), name) for name in SURVEYS]
    assert len({survey.district.seed for survey in surveys}) == len(SURVEYS)
    splits = [survey for survey in surveys if survey.name in PITTSBURGH_SPLITS]
    for one, other in itertools.combinations(splits, 2):
        assert abs(one.utm(0, 0)[0] - other.utm(0, 0)[0]) >= 25_000
        assert (one.zone, one.letter) == (other.zone, other.letter) == (17, "T")
    zones = {survey.name: f"{survey.zone}{survey.letter}" for survey in surveys}
    assert (zones["tokyo"], zones["xs"]) == ("54S", "10S")


def test_a_city_too_large_for_its_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.city.layout.routes._LARGEST_EXTENT", 300.0)
    with pytest.raises(ParameterError, match=r"train_places: 500 places 25.0 m apart need a city of more"):
        Survey(tiny(train_places=500, spacing=25.0), "train")


def test_queries_come_two_years_later_in_other_light() -> None:
    survey = Survey(tiny(train_places=40, query_share=1.0), "train")
    database, queries = list(survey.database(along_street=True)), list(survey.queries())
    assert {panorama.visit for panorama in database} == {0}
    assert {panorama.visit for panorama in queries} == {1}
    assert np.std([panorama.exposure for panorama in queries]) > 0.2
    assert np.std([panorama.exposure for panorama in database]) < 0.2


def test_views_of_a_panorama_go_round_and_up() -> None:
    settings_ = tiny(yaws=4, pitches=2)
    panorama = next(Survey(settings_, "train").database(along_street=False))
    shots = list(panorama.shots(settings_, 2))
    assert [(pitch, yaw) for pitch, yaw, _ in shots] == [(p, y) for p in (1, 2) for y in (1, 4, 7, 10)]
    assert [shot.yaw for _, _, shot in shots] == [0, 90, 180, 270] * 2
    assert shots[4][2].pitch > shots[0][2].pitch + 15
    assert len({shot.noise_seed for _, _, shot in shots}) == 8


def test_surveys_are_the_same_again_and_other_for_another_seed() -> None:
    def all_of(seed: int) -> list[object]:
        survey = Survey(tiny(seed=seed), "tokyo")
        return [*survey.database(along_street=False), *survey.walk(5), *survey.stray(5, "day")]

    assert all_of(1) == all_of(1)
    assert all_of(1) != all_of(2)


def test_strays_of_two_occasions_are_unrelated() -> None:
    survey = Survey(tiny(), "train")
    day = {(shot.x, shot.y) for shot in survey.stray(20, "day")}
    assert day.isdisjoint({(shot.x, shot.y) for shot in survey.stray(20, "night")})
