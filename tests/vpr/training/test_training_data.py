"""What a training run takes of a set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.training.examples.tuple_loader import PairReader
from pipeline.vpr.training.mining_rounds import TURNED
from pipeline.vpr.training.training_data import training_data
from tests.vpr.places import write_places
from tests.vpr.runs import PAIRS, run


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("both") / "set", twins=True)


def test_what_lies_near_is_measured_from_what_asks_to_what_is_asked_for(both: ImageSet) -> None:
    found = training_data(PAIRS, both, 1)
    rows = np.array([[0, 0, 0], [1, 1, 1], [4, 4, 1], [6, 7, 0]])
    queries, database = found.queries.positions[found.places.kept], found.database.positions
    asks = [database[row[1]] if row[2] else queries[row[0]] for row in rows]
    other = [queries[row[0]] if row[2] else database[row[1]] for row in rows]
    expected = [[bool(np.hypot(*(one - two)) <= PAIRS.soft_positives) for two in other] for one in asks]
    assert found.near(rows).tolist() == expected
    assert found.near(rows).any()
    assert not found.near(rows).all()


def test_what_lies_near_is_measured_of_every_positive(both: ImageSet) -> None:
    found = training_data(replace(PAIRS, drawn_positives=2), both, 1)
    rows = np.array([[0, 0, 1, 0], [1, 1, 0, 1], [6, 7, 6, 1]])
    queries, database = found.queries.positions[found.places.kept], found.database.positions
    asks = [database[row[1]] if row[3] else queries[row[0]] for row in rows]
    other = [at for row in rows for at in (queries[row[0]] if row[3] else database[row[1]], database[row[2]])]
    expected = [[bool(np.hypot(*(one - two)) <= PAIRS.soft_positives) for two in other] for one in asks]
    assert found.near(rows).tolist() == expected
    assert found.near(rows).sum() == 10


def test_a_set_with_nights_of_queries_alone_lets_only_queries_ask(both: ImageSet) -> None:
    rows = tuple(row for row in both.rows if "database" not in row.name or row.time_of_day != "night")
    reader = training_data(PAIRS, ImageSet(both.root, rows, both.digest), 1).reader
    assert isinstance(reader, PairReader)
    assert reader.pictures == 3
    assert not reader.turnable.any()


def test_about_half_of_the_pairs_are_turned(
    both: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned: list[int] = []
    real = PairReader._reads

    def watched(self, row, when):  # type: ignore[no-untyped-def]
        turned.append(int(row[2]))
        return real(self, row, when)

    monkeypatch.setattr(PairReader, "_reads", watched)
    run(both, tmp_path, replace(PAIRS, queries_per_epoch=60, epochs=2))
    assert len(turned) == 120
    assert np.mean(turned) == pytest.approx(TURNED, abs=0.15)
