from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import DusklineError
from pipeline.core.pictures import read_rgb
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.gallery import Gallery, gallery
from pipeline.vpr.judging import Judgement
from pipeline.vpr.misses import read_misses, write_misses
from pipeline.vpr.positives import within
from pipeline.vpr.recall import recalls
from pipeline.vpr.worst import worst_misses
from tests.vpr.places import write_places


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    # 10 places, 100 m apart; one view of each.
    return write_places(tmp_path_factory.mktemp("places") / "city", places=10, views=1)


def judged(images: ImageSet, predictions: list[list[int]]) -> tuple[Judgement, Gallery, Gallery]:
    database, queries = (gallery(images, "test", role, 32, 32) for role in ("database", "queries"))
    positives = within(queries.positions, database.positions, 25)
    found = np.array(predictions)
    counted = recalls(found, positives, at=(1, 3))
    return Judgement(counted, found, np.zeros(found.shape), positives), database, queries


def finds(right_at: dict[int, int], wrong: dict[int, int]) -> list[list[int]]:
    """Three finds for each of ten queries: right at a rank (0: nowhere), else `wrong` first."""
    rows = []
    for query in range(10):
        first = wrong.get(query, (query + 1) % 10)
        others = [place for place in range(10) if place not in (query, first)]
        row = [first, others[0], others[1]]
        if rank := right_at.get(query, 1):
            row[rank - 1] = query
        rows.append(row)
    return rows


def test_the_worst_come_first_and_hits_are_left_out(images: ImageSet, tmp_path: Path) -> None:
    predictions = finds({2: 2, 4: 3, 6: 0, 7: 0}, {6: 5, 7: 0})
    judgement, database, queries = judged(images, predictions)
    misses = worst_misses(judgement, database, queries, tmp_path)
    asked = [queries.rows[index].name for index in (7, 6, 4, 2)]
    # Never found comes first, and of those the one that was sent 700 m away.
    assert [miss.name for miss in misses] == asked
    assert [miss.first_right for miss in misses] == [None, None, 3, 2]
    assert misses[0].found[0].distance == 700.0
    assert [shown.right for shown in misses[2].found] == [False, False, True]
    assert misses[0].nearest.right
    assert misses[0].nearest.name == database.rows[7].name


def test_pictures_are_small_copies_of_the_right_images(images: ImageSet, tmp_path: Path) -> None:
    judgement, database, queries = judged(images, finds({3: 2}, {}))
    (miss,) = worst_misses(judgement, database, queries, tmp_path)
    for picture, row in ((miss.picture, queries.rows[3]), (miss.found[1].picture, database.rows[3])):
        same = read_rgb(images.read(row)).astype(int)
        assert np.abs(read_rgb(tmp_path / picture) - same).mean() < 10
    assert len(list(tmp_path.glob("*.jpg"))) == len({miss.picture, *(shown.picture for shown in miss.found)})


def test_misses_are_read_as_they_were_written(images: ImageSet, tmp_path: Path) -> None:
    judgement, database, queries = judged(images, finds({3: 0, 5: 2}, {}))
    misses = worst_misses(judgement, database, queries, tmp_path)
    write_misses(tmp_path, misses)
    assert list(read_misses(tmp_path)) == misses


def test_no_misses_are_an_empty_list(images: ImageSet, tmp_path: Path) -> None:
    misses = worst_misses(*judged(images, finds({}, {})), tmp_path)
    write_misses(tmp_path, misses)
    assert read_misses(tmp_path) == ()


def test_at_most_six_are_kept(images: ImageSet, tmp_path: Path) -> None:
    assert len(worst_misses(*judged(images, finds(dict.fromkeys(range(10), 0), {})), tmp_path)) == 6


@pytest.mark.parametrize("content", ["3", "[3]", '[{"name": "a"}]', "not json"])
def test_what_is_no_list_of_misses_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "misses.json").write_text(content)
    with pytest.raises(DusklineError, match=r"misses\.json"):
        read_misses(tmp_path)
