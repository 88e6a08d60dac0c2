"""The night of each query: which it is, where it stands in an example, and how it is changed."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.augmentation.transforms import Augmentation, Night
from pipeline.vpr.inputs.split_images import SplitImages, split_images
from pipeline.vpr.training.examples.day_night_pairs import night_twins
from pipeline.vpr.training.examples.tuple_loader import PairReader
from tests.vpr.places import write_places

SIDE = 32
# The last two are turned.
ROWS = np.array([[0, 3, 0], [5, 11, 0], [2, 0, 1], [7, 7, 1]])
LIGHTS = Augmentation(lights=Lights(shade=0.5, windows=5, lamps=1, noise=3))


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("merged") / "set", twins=True)


def days_of(images: ImageSet, role: str = "queries") -> SplitImages:
    return split_images(images, "train", role, SIDE, SIDE).without_nights()


def reader(
    images: ImageSet,
    workers: int = 1,
    by_day: Augmentation | None = None,
    by_night: Augmentation | None = None,
) -> PairReader:
    queries, database = days_of(images), days_of(images, "database")
    nights = night_twins(queries), night_twins(database)
    assert nights[0] is not None and nights[1] is not None
    kept = np.arange(1, len(queries))
    return PairReader(queries, kept, database, workers, 3, by_day, nights, by_night)


def test_each_day_is_beside_its_own_night(merged: ImageSet) -> None:
    days = days_of(merged)
    nights = night_twins(days)
    assert nights is not None
    assert len(nights) == len(days) == 12
    for day, night in zip(days.rows, nights.rows, strict=True):
        assert night.name == day.name.replace("@.jpg", "@n.jpg")
    assert (nights.positions == days.positions).all()


def test_a_lossless_night_is_found(merged: ImageSet) -> None:
    rows = tuple(
        replace(row, name=row.name.replace("@n.jpg", "@n.png")) if row.time_of_day == "night" else row
        for row in merged.rows
    )
    nights = night_twins(days_of(ImageSet(merged.root, rows, merged.digest)))
    assert nights is not None
    assert all(row.name.endswith("@n.png") for row in nights.rows)


def test_a_day_without_a_night_stands_for_it_and_that_is_said(
    merged: ImageSet, caplog: pytest.LogCaptureFixture
) -> None:
    gone = [row.name for row in merged.where("train", "queries") if row.time_of_day == "night"][:2]
    rows = tuple(row for row in merged.rows if row.name not in gone)
    days = days_of(ImageSet(merged.root, rows, merged.digest))
    with caplog.at_level(logging.WARNING):
        nights = night_twins(days)
    assert nights is not None
    assert "2 of 12 training queries of" in caplog.text
    alone = [number for number, row in enumerate(nights.rows) if row.time_of_day != "night"]
    assert len(alone) == 2
    for number in alone:
        assert nights.rows[number] == days.rows[number]
        assert night_of(days.rows[number].name) in gone


def night_of(day: str) -> str:
    return day.replace("@.jpg", "@n.jpg")


def test_a_set_of_days_has_none(merged: ImageSet) -> None:
    days = tuple(row for row in merged.rows if row.time_of_day != "night")
    assert night_twins(days_of(ImageSet(merged.root, days, merged.digest))) is None
    # An image that is called a night but is not said to be one is none.
    unsaid = tuple(replace(row, time_of_day="") for row in merged.rows)
    assert night_twins(days_of(ImageSet(merged.root, unsaid, merged.digest))) is None


def test_a_row_is_read_as_what_asks_the_other_and_night_for_any_workers(merged: ImageSet) -> None:
    one = reader(merged)
    assert one.nights is not None
    assert one.pictures == 3
    shown = torch.cat(list(one.batches([ROWS[:3], ROWS[3:]], 1, 4)))
    expected = []
    for row in ROWS:
        query, positive = int(one.kept[row[0]]), int(row[1])
        by_day = [one.queries.read(query), one.database.read(positive)]
        night = one.nights[1].read(positive) if row[2] else one.nights[0].read(query)
        expected += [*(by_day[::-1] if row[2] else by_day), night]
    assert torch.equal(shown, torch.stack(expected))
    many = reader(merged, workers=4)
    assert torch.equal(shown, torch.cat(list(many.batches([ROWS[:1], ROWS[1:]], 1, 4))))


def test_more_positives_follow_the_first_and_the_night_is_last(merged: ImageSet) -> None:
    one = replace(reader(merged), positives=2)
    assert one.nights is not None
    assert one.pictures == 4
    [shown] = one.batches([np.array([[0, 3, 4, 0], [2, 0, 5, 1]])], 1, 4)
    query, turned = (int(one.kept[place]) for place in (0, 2))
    expected = [
        one.queries.read(query),
        one.database.read(3),
        one.database.read(4),
        one.nights[0].read(query),
    ]
    expected += [one.database.read(0), one.queries.read(turned), one.database.read(5), one.nights[1].read(0)]
    assert torch.equal(shown, torch.stack(expected))


def test_a_database_image_without_a_night_of_its_own_does_not_ask(merged: ImageSet) -> None:
    one = reader(merged)
    assert one.turnable.all()
    assert one.nights is not None
    queries, database = one.nights
    rows = (one.database.rows[0], *database.rows[1:])
    some = replace(one, nights=(queries, replace(database, rows=rows)))
    assert some.turnable.tolist() == [False] + [True] * (len(rows) - 1)
    assert replace(one, nights=None).turnable.all()


def test_days_and_nights_are_changed_each_by_its_own_augmentation(merged: ImageSet) -> None:
    darker = Augmentation(night=Night(1.0, "meant", 0.5))
    plain, by_day, by_night = (
        next(one.batches([ROWS], 0, 0)).unflatten(0, (-1, 3))
        for one in (reader(merged), reader(merged, 1, darker), reader(merged, 1, None, darker))
    )
    assert torch.equal(by_day[:, 1:], plain[:, 1:])
    assert (by_day[:, 0].mean((1, 2, 3)) < plain[:, 0].mean((1, 2, 3))).all()
    assert torch.equal(by_night[:, :2], plain[:, :2])
    assert (by_night[:, 2].mean((1, 2, 3)) < plain[:, 2].mean((1, 2, 3))).all()


def test_nights_are_lit_again_each_time(merged: ImageSet) -> None:
    lit = reader(merged, 1, None, LIGHTS)
    first, again, later, next_epoch = (
        next(one.batches([ROWS], epoch, number)).unflatten(0, (-1, 3))
        for one, epoch, number in (
            (lit, 1, 4),
            (reader(merged, 4, None, LIGHTS), 1, 4),
            (lit, 1, 5),
            (lit, 2, 4),
        )
    )
    assert torch.equal(first, again)
    for other in (later, next_epoch):
        assert torch.equal(first[:, :2], other[:, :2])
        assert (first[:, 2] != other[:, 2]).flatten(1).any(1).all()
