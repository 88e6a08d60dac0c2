from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.city.camera import Shot
from pipeline.city.paint import Painter
from pipeline.city.plan import build_city
from tests.unit.golden import CHECKPOINT
from unit.checkpoint import load_checkpoint
from unit.translate import UnitSettings, UnitTranslator

WEIGHTS = Path(__file__).parents[2] / "unit" / "weights" / "city.pt"
SIZE = (240, 180)
# A city that the translator was not trained on.
SEED = 77


@pytest.fixture(scope="module")
def views() -> list[dict[str, np.ndarray]]:
    """Streets seen along and across, by day, at true night, and in the night made of the day."""
    city = build_city(SEED, 2, 2)
    painter = Painter(city)
    translator = UnitTranslator(WEIGHTS, UnitSettings("day2night", SIZE[1], "none", "source", "float32"))
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


def test_nights_are_dark_with_some_lights(views: list[dict[str, np.ndarray]]) -> None:
    for view in views:
        made, day = (view[name].astype(float).mean(axis=2) for name in ("made", "day"))
        assert made.shape == day.shape
        assert made.mean() < 0.45 * day.mean()
        assert np.median(made) < 70
    lit = [np.mean(view["made"].max(axis=2) > 150) for view in views]
    assert max(lit) > 0.002
    assert max(lit) < 0.2


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
        true = view["night"].astype(float)
        errors = [np.sqrt(np.mean((view[name] - true) ** 2)) for name in ("day", "made")]
        assert errors[1] < 0.5 * errors[0]


def test_the_place_is_still_there(views: list[dict[str, np.ndarray]]) -> None:
    # The edges of a night agree with those of its own day more than with those of any other day.
    day, made = ([edges(view[name]) for view in views] for name in ("day", "made"))
    agreement = np.array([[np.corrcoef(m.ravel(), d.ravel())[0, 1] for d in day] for m in made])
    assert (agreement.argmax(axis=1) == np.arange(len(views))).all()
    assert np.diag(agreement).min() > 0.3


def edges(pixels: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = (grey - cv2.blur(grey, (15, 15))) / (cv2.blur(grey, (15, 15)) + 10)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def test_untrained_weights_would_fail(views: list[dict[str, np.ndarray]]) -> None:
    settings = UnitSettings("day2night", SIZE[1], "none", "source", "float32")
    random = UnitTranslator(CHECKPOINT, settings)(views[0]["day"])
    error = np.sqrt(np.mean((random - views[0]["night"].astype(float)) ** 2))
    made = np.sqrt(np.mean((views[0]["made"] - views[0]["night"].astype(float)) ** 2))
    assert made < 0.6 * error
