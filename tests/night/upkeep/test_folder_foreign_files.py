"""What the user has in the folder of the nights is never replaced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core.files import write_bytes
from pipeline.runtime.errors import UserError
from tests.night.fakes import PNG, Trip, picture, tree

pytestmark = pytest.mark.usefixtures("pool_here")


@pytest.fixture
def trip(tmp_path: Path) -> Trip:
    trip = Trip(tmp_path)
    trip.take("a.jpg", picture(1))
    trip.take("rome/b.png", picture(2, form="PNG"))
    return trip


def put(trip: Trip, name: str, data: bytes = b"my own") -> None:
    write_bytes(trip.nights / name, data)


def assert_refused(trip: Trip, message: str) -> None:
    """The run is refused with `message` (a pattern), nothing is translated, and no file is touched."""
    trip.calls()
    before = tree(trip.base)
    with pytest.raises(UserError) as caught:
        trip.run()
    assert re.search(message + r"\Z", caught.value.message)
    assert "nothing was written" in caught.value.hint
    assert trip.calls() == 0
    assert tree(trip.base) == before


@pytest.mark.parametrize("name", ["an.jpg", "rome/bn.jpg", "recipe.json"])
def test_a_file_in_the_place_of_ours_is_refused(trip: Trip, name: str) -> None:
    put(trip, name)
    assert_refused(trip, rf"trip_night already has 1 of the files .* earlier run:\n    {re.escape(name)}")


def test_links_and_folders_in_the_place_of_a_night_are_refused(trip: Trip) -> None:
    (trip.nights / "an.jpg").mkdir(parents=True)
    (trip.nights / "rome").mkdir()
    (trip.nights / "rome" / "bn.jpg").symlink_to("nowhere")
    assert_refused(trip, r"has 2 of the files .*:\n    an\.jpg\n    rome/bn\.jpg")
    assert (trip.nights / "rome" / "bn.jpg").is_symlink()


def test_the_first_files_in_the_way_are_named_and_all_are_counted(trip: Trip) -> None:
    for number in range(23):
        trip.take(f"{number:02}.jpg", picture(10 + number))
        put(trip, f"{number:02}n.jpg")
    assert_refused(trip, r"has 23 of .*:\n    00n\.jpg\n    01n\.jpg\n(.*\n)*    19n\.jpg\n    and 3 more")


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        (b"name,price\nan.jpg,3\n", "has no column source, source_digest, .* its header is name, price"),
        (b"", "has no column name, .* its header is empty"),
        (b"\xff\xfe", "is not a CSV in UTF-8: .*"),
    ],
)
def test_another_table_called_origins_is_refused(trip: Trip, table: bytes, wrong: str) -> None:
    put(trip, "origins.csv", table)
    assert_refused(trip, rf"not from an earlier run: .*trip_night/origins\.csv {wrong}")


def test_other_files_do_not_matter_and_stay(trip: Trip) -> None:
    own = ("a.jpg", "an.png", "bn.jpg", "notes.txt", "rome/recipe.json")
    for name in own:
        put(trip, name)
    trip.run()
    assert trip.made() == {"an.jpg", "rome/bn.jpg", *own}
    assert all((trip.nights / name).read_bytes() == b"my own" for name in own)


def test_a_run_beside_earlier_nights_refuses_what_is_new_in_its_way(trip: Trip) -> None:
    trip.run()
    put(trip, "cn.jpg")
    trip.run()
    trip.take("c.jpg", picture(3))
    assert_refused(trip, r"has 1 of .*:\n    cn\.jpg")
    (trip.nights / "cn.jpg").unlink()
    assert trip.run().made == 1
    put(trip, "an.png")
    trip.output = PNG
    assert_refused(trip, r"has 1 of .*:\n    an\.png")


def test_a_night_that_only_failed_is_not_ours(trip: Trip) -> None:
    trip.take("c.jpg", b"")
    trip.max_failed = 1.0
    trip.run()
    put(trip, "cn.jpg")
    trip.take("c.jpg", picture(3))
    assert_refused(trip, r"has 1 of .*:\n    cn\.jpg")


def test_a_night_changed_by_hand_is_the_users_once_its_picture_is_gone(trip: Trip) -> None:
    trip.run()
    put(trip, "an.jpg", b"changed by hand")
    (trip.days / "a.jpg").unlink()
    trip.run()
    trip.take("a.jpg", picture(1))
    assert_refused(trip, r"has 1 of .*:\n    an\.jpg")
    assert (trip.nights / "an.jpg").read_bytes() == b"changed by hand"


def test_a_set_of_the_pipeline_is_left_alone(trip: Trip) -> None:
    trip.run()
    (trip.nights / "manifest.csv").write_text("name\n")
    assert_refused(trip, "is a dataset; the nights of a folder do not belong in it")
