from __future__ import annotations

from collections.abc import Iterator

from pipeline.datasets.image_set.image_set import ImageRow
from pipeline.night.comparison.samples import spread, true_nights_of


def rows(count: int) -> list[ImageRow]:
    return [
        ImageRow(f"images/test/queries/@{n}@.jpg", f"000.tar/a/{n}.jpg", "", 1, 1, 1) for n in range(count)
    ]


def test_samples_lie_evenly_over_the_order() -> None:
    assert [row.name.split("@")[1] for row in spread(rows(10), 2)] == ["2", "7"]
    assert [row.name.split("@")[1] for row in spread(rows(9), 3)] == ["1", "4", "7"]
    assert spread(rows(3), 5) == rows(3)
    assert spread([], 5) == []


def test_true_nights_are_asked_for_by_their_place_in_the_archive_and_named_by_the_day() -> None:
    asked = []

    def draw(members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
        asked.append(members)
        for member in sorted(members, reverse=True):
            yield member, member.encode()

    assert true_nights_of(rows(2), draw) == {
        "images/test/queries/@1@.jpg": b"a/1.jpg",
        "images/test/queries/@0@.jpg": b"a/0.jpg",
    }
    assert asked == [frozenset({"a/0.jpg", "a/1.jpg"})]
    assert true_nights_of(rows(2), None) == {}
