"""The bounded store and the smaller copies of textures."""

import numpy as np

from pipeline.city.appearance.texture_cache import TextureStore, bleed, shrink


def test_the_store_draws_once_and_forgets_the_least_recently_used() -> None:
    drawn: list[str] = []

    def picture(name: str) -> np.ndarray:
        drawn.append(name)
        return np.zeros((10, 10), np.uint8)

    store = TextureStore(250)
    for name in ("a", "b", "a", "c", "a", "b"):
        store.get((name,), lambda name=name: picture(name))
    # Room for two: "c" pushed out "b", as "a" had been used since.
    assert drawn == ["a", "b", "c", "b"]


def test_a_picture_larger_than_the_store_is_still_given() -> None:
    store = TextureStore(5)
    assert store.get(("big",), lambda: np.ones((4, 4), np.uint8)).sum() == 16
    assert store.get(("bigger",), lambda: np.ones((5, 5), np.uint8)).sum() == 25


def test_peek_does_not_keep_what_it_draws() -> None:
    store = TextureStore(1000)
    calls = []
    for _ in range(2):
        store.peek(("a",), lambda: calls.append(1) or np.zeros(3))  # type: ignore[func-returns-value]
    assert len(calls) == 2
    store.get(("a",), lambda: np.ones(3))
    assert store.peek(("a",), lambda: np.zeros(3)).sum() == 3


def test_shrinking_keeps_the_mean_and_stops_at_one_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (32, 64, 3)).astype(np.uint8)
    assert shrink(picture, 0, 0) is picture
    half = shrink(picture, 2, 1)
    assert half.shape == (16, 16, 3)
    assert abs(half.mean() - picture.mean()) < 1
    assert shrink(picture, 9, 9).shape == (1, 1, 3)


def test_the_see_through_part_of_a_cut_out_takes_its_colour() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[:2] = (100, 50, 20, 255)
    assert (bleed(picture)[3, 3] == (100, 50, 20, 0)).all()
    assert (bleed(np.zeros((2, 2, 4), np.uint8)) == 0).all()
