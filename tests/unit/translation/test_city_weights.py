from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from tests.unit.golden import CHECKPOINT
from unit.network.checkpoint import load_checkpoint
from unit.network.settings import UnitSettings
from unit.translation.translate import UnitTranslator

WEIGHTS = Path(__file__).parents[3] / "unit" / "weights" / "city.pt"
SIZE, SEEN = (240, 180), 96
# A city that the translator was not trained on.
SEED = 77


@pytest.fixture(scope="module")
def views() -> list[dict[str, np.ndarray]]:
    """Streets seen along and across, by day, at true night, and in the night made of the day."""
    city = build_city(SEED, 2, 2)
    painter = Painter(city)
    translator = UnitTranslator(
        WEIGHTS, UnitSettings("day2night", SEEN, "none", "source", "source", "float32")
    )
    views = []
    for street, turn in zip(city.streets[:4], (0.0, 30.0, 60.0, 180.0), strict=True):
        x, y = (street.x0 + street.x1) / 2, (street.y0 + street.y1) / 2
        along = np.degrees(np.arctan2(street.x1 - street.x0, street.y1 - street.y0))
        shot = Shot(x=x, y=y, yaw=float(along + turn) % 360, pitch=6.0, field_of_view=66.0)
        day, night = (painter.draw(shot, time_of_day, *SIZE) for time_of_day in ("day", "night"))
        views.append({"day": day, "night": night, "made": translator(day)})
    return views


def test_the_file_is_small_and_a_checkpoint() -> None:
    assert WEIGHTS.stat().st_size <= 3_000_000
    sizes = load_checkpoint(WEIGHTS).sizes
    assert (sizes.dim, sizes.n_downsample) == (16, 2)


def test_nights_are_dark(views: list[dict[str, np.ndarray]]) -> None:
    for view in views:
        assert view["made"].shape == view["day"].shape
        # True nights of these views keep 0.37 to 0.53 of the day's brightness.
        assert 0.2 < view["made"].mean() / view["day"].mean() < 0.65
        assert np.median(view["made"].mean(axis=2)) < 60 < np.median(view["day"].mean(axis=2))


def test_some_lights_are_lit(views: list[dict[str, np.ndarray]]) -> None:
    true, made = ([lit_share(view[name]) for view in views] for name in ("night", "made"))
    assert np.mean(true) == pytest.approx(0.033, abs=0.015)
    assert 0.005 < np.mean(made) < 0.12
    assert min(made) > 0


def lit_share(pixels: np.ndarray) -> float:
    return float(np.mean(pixels.max(axis=2) > 150))


def test_the_sky_is_dark(views: list[dict[str, np.ndarray]]) -> None:
    seen = 0
    for view in views:
        day = view["day"].astype(int)
        sky = (day[:, :, 2] > 170) & (day[:, :, 2] > day[:, :, 0] + 15)
        sky[SIZE[1] // 2 :] = False
        if sky.sum() > 500:
            assert view["made"][sky].mean() < 60
            seen += 1
    assert seen


def test_they_are_nearer_to_the_true_night_than_the_day_is(views: list[dict[str, np.ndarray]]) -> None:
    for view in views:
        assert error(view["made"], view["night"]) < 0.75 * error(view["day"], view["night"])


def test_they_are_nearer_to_the_true_night_than_untrained_weights(
    views: list[dict[str, np.ndarray]],
) -> None:
    random = UnitTranslator(
        CHECKPOINT, UnitSettings("day2night", SEEN, "none", "source", "source", "float32")
    )
    for view in views:
        assert error(view["made"], view["night"]) < 0.75 * error(random(view["day"]), view["night"])


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found.astype(float) - wanted) ** 2)))


def test_the_place_is_still_there(views: list[dict[str, np.ndarray]]) -> None:
    # The edges of a night agree with those of its own day, and with those of no other day as well.
    day, made = ([edges(view[name]) for view in views] for name in ("day", "made"))
    agreement = np.array([[np.corrcoef(m.ravel(), d.ravel())[0, 1] for d in day] for m in made])
    own, others = np.diag(agreement), np.where(np.eye(len(views)), -1.0, agreement).max(axis=1)
    assert (own > others + 0.1).all()
    assert own.mean() > 0.25


def edges(pixels: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = (grey - cv2.blur(grey, (15, 15))) / (cv2.blur(grey, (15, 15)) + 10)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
