"""Images of the city: the same bytes every time, one geometry at every hour, places that differ."""

import dataclasses
from functools import lru_cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.lighting import TIMES_OF_DAY
from pipeline.city.rendering.renderer import Painter
from pipeline.runtime.errors import ParameterError

SEED, BLOCKS = 11, 2
SIZE = (160, 120)


@lru_cache(maxsize=1)
def painter() -> Painter:
    return Painter(build_city(SEED, BLOCKS, BLOCKS))


def place(index: int, *, along: float = 0.5, right: float = 0.0, turn: float = 35.0, **more: float) -> Shot:
    """A shot from street number `index`, `turn` degrees off its direction."""
    street = painter()._city.streets[index]
    x, y = street.at(street.start_gap + along * (street.length - street.start_gap - street.end_gap), right)
    heading = float(np.degrees(np.arctan2(*street.direction)))
    return dataclasses.replace(Shot(float(x), float(y), heading + turn, 6.0), **more)


def draw(shot: Shot, time_of_day: str = "day", size: tuple[int, int] = SIZE) -> np.ndarray:
    return painter().draw(shot, time_of_day, *size)


def outlines(picture: np.ndarray) -> np.ndarray:
    """Edge strength of the logarithm of brightness, blurred: what stays when only the light changes."""
    grey = np.log(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.2)
    strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return cv2.GaussianBlur(np.minimum(strength, 0.6), (0, 0), 1.5)


def alikeness(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])


def test_pictures_have_the_size_asked_for() -> None:
    for size in ((64, 48), (240, 180), (321, 241), (450, 300)):
        picture = draw(place(0), size=size)
        assert picture.shape == (size[1], size[0], 3)
        assert picture.dtype == np.uint8


def test_the_same_shot_gives_the_same_bytes_in_any_order() -> None:
    shots = [(place(i, visit=i // 2, noise_seed=i), TIMES_OF_DAY[i % 3]) for i in range(3)]
    forward = [draw(*shot) for shot in shots]
    # The other painter's stores are so small that it forgets nearly everything between two images.
    fresh = Painter(build_city(SEED, BLOCKS, BLOCKS), cache_bytes=3_000_000)
    for (shot, name), before in reversed(list(zip(shots, forward, strict=True))):
        assert (fresh.draw(shot, name, *SIZE) == before).all()


def test_nights_are_dark_and_structured_and_days_are_bright() -> None:
    for index in range(0, 12, 3):
        day, sunset, night = (draw(place(index), name).astype(float) for name in TIMES_OF_DAY)
        assert 70 < day.mean() < 190
        assert 20 < night.mean() < 80
        assert night.mean() < 0.6 * day.mean()
        assert night.mean() < sunset.mean() < day.mean() + 10
        assert night.std() > 15
        assert np.percentile(night, 99.5) > 150  # lamps and lit windows


def test_the_geometry_is_that_of_the_day_at_every_hour() -> None:
    shots = [place(index, turn=50) for index in range(0, 12, 3)]
    days = [outlines(draw(shot, "day")) for shot in shots]
    for name, least in (("sunset", 0.6), ("night", 0.35)):
        for index, shot in enumerate(shots):
            seen = outlines(draw(shot, name))
            scores = [alikeness(seen, day) for day in days]
            assert int(np.argmax(scores)) == index
            assert scores[index] > least


def test_another_visit_changes_some_and_leaves_most() -> None:
    changed, kept = [], []
    for index in range(0, 12, 2):
        first, second = place(index, turn=50), place(index, turn=50, visit=1)
        one, two = draw(first), draw(second)
        changed.append(float((np.abs(one.astype(int) - two).max(2) > 40).mean()))
        kept.append(alikeness(outlines(one), outlines(two)))
    assert 0.01 < np.mean(changed) < 0.35
    assert np.mean(kept) > 0.6


def test_more_exposure_is_never_darker() -> None:
    shot = place(3)
    for name in TIMES_OF_DAY:
        means = [
            draw(dataclasses.replace(shot, exposure=e), name).mean() for e in (-1.0, -0.4, 0.0, 0.4, 1.0)
        ]
        assert means == sorted(means)
        assert means[-1] > means[0] + 10


def test_the_noise_seed_changes_the_noise_only() -> None:
    for name, most in (("day", 8), ("night", 30)):
        one, two = (draw(place(4, noise_seed=seed), name).astype(int) for seed in (1, 2))
        assert (one != two).any()
        assert np.abs(one - two).max() <= most


def _colours(picture: np.ndarray) -> np.ndarray:
    """A coarse image in its own brightness: where which colours are."""
    small = cv2.resize(picture, (12, 9), interpolation=cv2.INTER_AREA).astype(float)
    return (small - small.mean()) / small.std()


def test_a_place_is_more_like_itself_than_like_other_places() -> None:
    first = [_colours(draw(place(index, along=0.4, turn=25))) for index in range(12)]
    # Some metres further along, at the other side of the road, two years later.
    second = [_colours(draw(place(index, along=0.45, right=1.0, turn=25, visit=1))) for index in range(12)]
    scores = np.array([[alikeness(one, two) for one in first] for two in second])
    right = (scores.argmax(1) == np.arange(len(scores))).mean()
    assert right >= 0.6
    others = scores[~np.eye(len(scores), dtype=bool)]
    assert np.diag(scores).mean() > others.mean() + 0.15


@pytest.mark.slow
@settings(max_examples=100)
@given(
    street=st.integers(0, 11),
    along=st.floats(0, 1),
    across=st.floats(-0.97, 0.97),
    yaw=st.floats(0, 360),
    pitch=st.floats(-15, 35),
    field_of_view=st.floats(40, 90),
    height=st.floats(1.5, 2.6),
    time_of_day=st.sampled_from(TIMES_OF_DAY),
)
def test_any_camera_on_a_street_sees_a_finished_picture(
    street: int, along: float, across: float, yaw: float, pitch: float, field_of_view: float, height: float,
    time_of_day: str,
) -> None:  # fmt: skip
    width = painter()._city.streets[street].width
    shot = place(street, along=along, right=across * width / 2)
    shot = dataclasses.replace(
        shot, yaw=yaw, pitch=pitch, field_of_view=field_of_view, camera_height=height, visit=street % 2
    )
    with np.errstate(all="raise", under="ignore"):
        picture = draw(shot, time_of_day, (96, 72))
    # Nothing undrawn: no large patch of pure black, whatever is near the lens.
    assert (picture.max(2) == 0).mean() < 0.02
    if time_of_day == "day":
        assert picture.mean() > 25


@pytest.mark.parametrize("time_of_day", ["day", "night"])
@pytest.mark.parametrize(("across", "turn"), [(0.97, 90), (0.97, 3), (-0.97, -60), (0.6, 178)])
def test_fronts_at_arms_length_and_edge_on_are_drawn(across: float, turn: float, time_of_day: str) -> None:
    shot = place(1, along=0.3, right=across * painter()._city.streets[1].width / 2, turn=turn)
    with np.errstate(all="raise", under="ignore"):
        picture = draw(dataclasses.replace(shot, field_of_view=90, pitch=35.0), time_of_day, (96, 72))
    assert (picture.max(2) == 0).mean() < 0.02
    assert picture.std() > 4


def test_unknown_times_of_day_and_impossible_cameras_are_refused() -> None:
    with pytest.raises(ParameterError, match="day, sunset, night, found 'noon'"):
        draw(place(0), "noon")
    with pytest.raises(ParameterError, match="at least 8 x 8 pixels, found 4 x 100"):
        draw(place(0), size=(4, 100))
    with pytest.raises(ParameterError, match="above the ground"):
        draw(place(0, camera_height=0.0))
    with pytest.raises(ParameterError, match="1 to 150 degrees"):
        draw(place(0, field_of_view=170.0))
