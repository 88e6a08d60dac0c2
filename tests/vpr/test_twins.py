"""Night twins: which picture is whose night, and how often it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.core.errors import SetError
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.augmentation import Augmentation, Night
from pipeline.vpr.examples import ExampleReader, Nights
from pipeline.vpr.gallery import gallery
from pipeline.vpr.lights import Lights
from pipeline.vpr.twins import TwinDraws, night_twins
from tests.vpr.places import write_places

SIDE = 32


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("merged") / "set", twins=True)


def reader(
    images: ImageSet,
    share: float,
    workers: int = 1,
    augmentation: Augmentation | None = None,
    of_nights: Augmentation | None = None,
) -> ExampleReader:
    queries, database = (
        gallery(images, "train", role, SIDE, SIDE).without_nights() for role in ("queries", "database")
    )
    nights = Nights(night_twins(queries), night_twins(database), TwinDraws(share, 3), of_nights)
    return ExampleReader(queries, np.arange(1, len(queries)), database, workers, 3, augmentation, nights)


def test_each_day_is_beside_its_own_night(merged: ImageSet) -> None:
    days = gallery(merged, "train", "database", SIDE, SIDE).without_nights()
    nights = night_twins(days)
    assert len(nights) == len(days) == 12
    for day, night in zip(days.rows, nights.rows, strict=True):
        assert night.name == day.name.replace("@.jpg", "@n.jpg")
    assert (nights.positions == days.positions).all()


def test_a_lossless_night_is_found(merged: ImageSet) -> None:
    rows = tuple(
        replace(row, name=row.name.replace("@n.jpg", "@n.png")) if row.time_of_day == "night" else row
        for row in merged.rows
    )
    days = gallery(ImageSet(merged.root, rows, merged.digest), "train", "queries", SIDE, SIDE)
    assert all(row.name.endswith("@n.png") for row in night_twins(days.without_nights()).rows)


def test_days_without_a_night_are_named(merged: ImageSet) -> None:
    gone = [row.name for row in merged.where("train", "queries") if row.time_of_day == "night"][:2]
    rows = tuple(row for row in merged.rows if row.name not in gone)
    days = gallery(ImageSet(merged.root, rows, merged.digest), "train", "queries", SIDE, SIDE)
    with pytest.raises(SetError, match=r"2 of 12 training images of .* have no night twin") as caught:
        night_twins(days.without_nights())
    for name in gone:
        assert f"\n    {name.replace('@n.jpg', '@.jpg')}" in str(caught.value)
    assert "or set twins: 0" in str(caught.value)


def test_a_night_that_is_not_said_to_be_one_is_no_day_with_a_twin(merged: ImageSet) -> None:
    rows = tuple(replace(row, time_of_day="") for row in merged.rows)
    days = gallery(ImageSet(merged.root, rows, merged.digest), "train", "queries", SIDE, SIDE)
    with pytest.raises(SetError, match="24 of 24 training images"):
        night_twins(days.without_nights())


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_share_of_nights_is_that_of_every_place_in_an_example(share: float) -> None:
    draws = TwinDraws(share, 7)
    found = np.array([draws.nights(epoch, 2, query, 3) for epoch in range(4) for query in range(500)])
    assert found.mean(0) == pytest.approx([share] * 3, abs=0.04)
    # Members of one example are drawn apart.
    both = (found[:, 0] & found[:, 1]).mean()
    assert both == pytest.approx(share**2, abs=0.04)


def test_draws_depend_on_seed_epoch_round_and_query_alone() -> None:
    draws = TwinDraws(0.5, 7)
    first = draws.nights(1, 2, 3, 40).tolist()
    assert draws.nights(1, 2, 3, 40).tolist() == first
    assert draws.nights(1, 2, 3, 2).tolist() == first[:2]
    others = [TwinDraws(0.5, 8).nights(1, 2, 3, 40), draws.nights(0, 2, 3, 40)]
    others += [draws.nights(1, 0, 3, 40), draws.nights(1, 2, 0, 40)]
    assert all(other.tolist() != first for other in others)


def test_pictures_that_are_drawn_are_read_by_night(merged: ImageSet) -> None:
    rows = np.array([[0, 3], [5, 11], [2, 0], [7, 7]])
    one = reader(merged, 0.5)
    assert one.nights is not None
    shown = torch.cat(list(one.batches([rows[:3], rows[3:]], 1, 4)))
    expected, seen = [], set()
    for row in rows:
        query = int(one.kept[row[0]])
        dark = one.nights.draws.nights(1, 4, query, 2)
        seen |= set(dark.tolist())
        expected.append((one.nights.queries if dark[0] else one.queries).read(query))
        expected.append((one.nights.database if dark[1] else one.database).read(int(row[1])))
    assert seen == {False, True}
    assert torch.equal(shown, torch.stack(expected))
    many = reader(merged, 0.5, workers=4)
    assert torch.equal(shown, torch.cat(list(many.batches([rows[:1], rows[1:]], 1, 4))))


def test_the_night_of_a_query_is_augmented_as_the_day_would_be(merged: ImageSet) -> None:
    changes = Augmentation(night=Night(1.0, "meant", 0.5))
    plain, changed = (
        next(reader(merged, 1.0, augmentation=one).batches([np.array([[0, 3]])], 0, 0))
        for one in (None, changes)
    )
    assert float(changed[0].mean()) < float(plain[0].mean())
    assert torch.equal(changed[1], plain[1])


def test_nights_are_changed_anew_each_time_and_days_are_not(merged: ImageSet) -> None:
    lights = Augmentation(lights=Lights(shade=0.5, windows=5, lamps=1, noise=3))
    rows = [np.array([[0, 3], [5, 11], [2, 0], [7, 7]])]
    plain, lit = (reader(merged, 0.5, of_nights=one) for one in (None, lights))
    assert plain.nights is not None
    dark = np.concatenate([plain.nights.draws.nights(1, 4, int(plain.kept[row[0]]), 2) for row in rows[0]])
    as_is, first = (next(one.batches(rows, 1, 4)) for one in (plain, lit))
    changed = (as_is != first).flatten(1).any(1).numpy()
    assert changed.tolist() == dark.tolist()
    assert torch.equal(first, next(reader(merged, 0.5, 4, of_nights=lights).batches(rows, 1, 4)))
    all_night = reader(merged, 1.0, of_nights=lights)
    one, other = (next(all_night.batches(rows, 1, number)) for number in (4, 5))
    assert (one != other).flatten(1).any(1).all()


def test_the_two_of_a_pair_are_lit_apart_even_where_both_show_one_picture(merged: ImageSet) -> None:
    lights = Augmentation(lights=Lights(shade=0.5, windows=5, lamps=1, noise=3))
    days = gallery(merged, "train", "database", SIDE, SIDE).without_nights()
    twins = night_twins(days)
    for change, alike in ((None, True), (lights, False)):
        nights = Nights(twins, twins, TwinDraws(1.0, 3), change)
        one = ExampleReader(days, np.arange(len(days)), days, 1, 3, None, nights)
        query, partner = next(one.batches([np.array([[3, 3]])], 1, 4))
        assert torch.equal(query, partner) is alike


def test_a_night_with_its_own_change_is_not_augmented_as_a_query(merged: ImageSet) -> None:
    as_query = Augmentation(night=Night(1.0, "meant", 0.5))
    as_night = Augmentation(night=Night(1.0, "meant", 1.0))  # which changes nothing
    rows = [np.array([[0, 3]])]
    plain = next(reader(merged, 1.0).batches(rows, 0, 0))
    assert torch.equal(next(reader(merged, 1.0, 1, as_query, as_night).batches(rows, 0, 0)), plain)
