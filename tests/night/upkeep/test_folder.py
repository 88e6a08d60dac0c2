from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

from pipeline.core.files import digest_bytes, read_json
from pipeline.core.image_files import picture_files
from pipeline.core.image_io import read_rgb
from pipeline.night.engine import workers
from pipeline.night.records.provenance import Origin, read_origins, write_origins
from pipeline.night.upkeep.folder import night_of
from pipeline.runtime.errors import DusklineError, MissingInputError, ParameterError, UserError
from tests.night.fakes import PNG, Trip, picture, saved, tree

pytestmark = pytest.mark.usefixtures("pool_here")


@pytest.fixture
def trip(tmp_path: Path) -> Trip:
    trip = Trip(tmp_path)
    trip.take("IMG_1.JPG", picture(1))
    trip.take("second.jpeg", picture(2))
    trip.take("rome/forum/c.Png", picture(3, form="PNG"))
    trip.take("rome/d.jpg", picture(4))
    return trip


def test_names() -> None:
    assert night_of("a/b.JPG", ".jpg") == "a/bn.jpg"
    assert night_of("b.c.jpeg", ".png") == "b.cn.png"
    assert night_of("@1@2@n.jpg", ".jpg") == "@1@2@nn.jpg"


def test_the_tree_is_kept_and_the_pictures_are_untouched(trip: Trip) -> None:
    before = {path: (path.read_bytes(), path.stat()) for path in trip.days.rglob("*") if path.is_file()}
    summary = trip.run()
    assert (summary.images, summary.made, summary.failed) == (4, 4, 0)
    assert trip.made() == {"IMG_1n.jpg", "secondn.jpg", "rome/forum/cn.jpg", "rome/dn.jpg"}
    after = {path: (path.read_bytes(), path.stat()) for path in trip.days.rglob("*") if path.is_file()}
    assert {path: data for path, (data, _) in after.items()} == {
        path: data for path, (data, _) in before.items()
    }
    assert all(after[path][1].st_mtime_ns == before[path][1].st_mtime_ns for path in before)
    difference = read_rgb(trip.nights / "rome/dn.jpg").astype(int) - read_rgb(trip.days / "rome/d.jpg") // 2
    assert abs(difference).mean() < 20


def test_only_pictures_in_sight_are_taken(trip: Trip) -> None:
    for name in (".hidden.jpg", "._IMG_1.JPG", ".thumbnails/a.jpg", "notes.txt", "rome/film.mp4", "jpg"):
        trip.take(name, picture(9))
    trip.run()
    sources = [origin.source for origin in read_origins(trip.nights)]
    assert sources == ["IMG_1.JPG", "rome/d.jpg", "rome/forum/c.Png", "second.jpeg"]


def test_linked_pictures_are_taken_and_linked_folders_are_not(trip: Trip, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.jpg").write_bytes(picture(8))
    (trip.days / "link.jpg").symlink_to(tmp_path / "elsewhere" / "x.jpg")
    (trip.days / "loop").symlink_to(trip.days)
    trip.run()
    assert "linkn.jpg" in trip.made()
    assert len(trip.made()) == 5


def test_the_origins_tell_of_every_picture(trip: Trip) -> None:
    trip.run()
    origins = read_origins(trip.nights)
    assert [origin.source for origin in origins] == picture_files(trip.days)
    for origin in origins:
        assert origin.source_digest == digest_bytes((trip.days / origin.source).read_bytes())
        assert origin.digest == digest_bytes((trip.nights / origin.name).read_bytes())
        assert (origin.translator, origin.status) == ("darkened", "done")
    assert read_json(trip.nights / "recipe.json")["settings"] == '{"level": 2}'


def test_a_second_run_does_nothing(trip: Trip) -> None:
    trip.run()
    before = {path: path.stat().st_ino for path in trip.nights.rglob("*.jpg")}
    whole = tree(trip.nights)
    assert trip.calls() == 4
    assert trip.run().made == 0
    assert trip.calls() == 0
    assert tree(trip.nights) == whole
    assert {path: path.stat().st_ino for path in before} == before


def test_only_what_is_new_or_changed_is_translated(trip: Trip) -> None:
    trip.run()
    trip.calls()
    trip.take("rome/d.jpg", picture(44))
    trip.take("new/e.jpg", picture(5))
    os.utime(trip.days / "second.jpeg")
    assert trip.run().made == 2
    assert trip.calls() == 2
    assert "new/en.jpg" in trip.made()
    difference = read_rgb(trip.nights / "rome/dn.jpg").astype(int) - read_rgb(trip.days / "rome/d.jpg") // 2
    assert abs(difference).mean() < 20


def test_a_moved_picture_moves_its_night_without_work(trip: Trip) -> None:
    trip.run()
    trip.calls()
    (trip.days / "rome/forum/c.Png").rename(trip.days / "c.Png")
    trip.run()
    assert trip.calls() == 0
    assert trip.made() == {"IMG_1n.jpg", "secondn.jpg", "cn.jpg", "rome/dn.jpg"}
    assert not (trip.nights / "rome/forum").exists()


def test_a_removed_picture_takes_its_night_along_and_nothing_else(trip: Trip) -> None:
    trip.run()
    (trip.nights / "rome" / "mine.jpg").write_bytes(b"my own")
    (trip.nights / "secondn.jpg").unlink()
    (trip.nights / "secondn.jpg").write_bytes(b"changed by hand")
    (trip.days / "rome/d.jpg").unlink()
    (trip.days / "second.jpeg").unlink()
    trip.run()
    assert trip.made() == {"IMG_1n.jpg", "rome/forum/cn.jpg", "rome/mine.jpg", "secondn.jpg"}
    assert (trip.nights / "secondn.jpg").read_bytes() == b"changed by hand"


def test_a_table_from_elsewhere_removes_nothing_outside(trip: Trip, tmp_path: Path) -> None:
    (tmp_path / "precious.jpg").write_bytes(b"precious")
    for number, name in enumerate(("../precious.jpg", str(tmp_path / "precious.jpg"))):
        origin = Origin(name, "x.jpg", "", "", "", "", "", "done", "", digest_bytes(b"precious"))
        write_origins(tmp_path / str(number), [origin])
        trip.run(nights=tmp_path / str(number))
        assert (tmp_path / "precious.jpg").read_bytes() == b"precious"


def test_a_lost_or_damaged_night_is_put_back(trip: Trip) -> None:
    trip.run()
    whole = tree(trip.nights)
    trip.calls()
    (trip.nights / "IMG_1n.jpg").unlink()
    (trip.nights / "secondn.jpg").unlink()
    (trip.nights / "secondn.jpg").write_bytes(b"\0" * len(whole["secondn.jpg"]))
    (trip.nights / "rome/dn.jpg").write_bytes(b"shorter")
    trip.run()
    assert tree(trip.nights) == whole
    assert trip.calls() == 0


def test_an_edit_reaches_neither_the_store_nor_another_folder(trip: Trip) -> None:
    trip.run()
    trip.run(nights=trip.base / "again")
    others = tree(trip.base / "again"), tree(trip.base / "work")
    mask = os.umask(0)
    os.umask(mask)
    for night in trip.nights.rglob("*.jpg"):
        assert (night.stat().st_nlink, stat.S_IMODE(night.stat().st_mode)) == (1, 0o666 & ~mask)
        with night.open("r+b") as stream:
            stream.write(b"edited")
    assert (tree(trip.base / "again"), tree(trip.base / "work")) == others


def test_only_nights_that_are_not_right_are_copied_again(trip: Trip) -> None:
    trip.run()
    nights = {path: path.stat() for path in trip.nights.rglob("*.jpg")}
    (trip.nights / "IMG_1n.jpg").write_bytes(b"damaged")
    os.link(trip.nights / "secondn.jpg", trip.base / "another name of it")
    trip.run()
    changed = {path.name for path, night in nights.items() if path.stat().st_ino != night.st_ino}
    assert changed == {"IMG_1n.jpg", "secondn.jpg"}
    assert {path.stat().st_nlink for path in nights} == {1}
    assert read_rgb(trip.nights / "IMG_1n.jpg").shape == (12, 16, 3)


def test_a_night_that_cannot_be_copied_is_told_and_nothing_is_half_written(
    trip: Trip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: BinaryIO, target: BinaryIO) -> None:
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(DusklineError, match=r"could not write .*IMG_1n\.jpg: No space left on device"):
            trip.run()
    assert set(tree(trip.nights)) == {"origins.csv", "recipe.json"}
    trip.calls()
    trip.run()
    assert trip.calls() == 0
    assert len(trip.made()) == 4


def test_another_setting_or_form_replaces_the_nights(trip: Trip) -> None:
    trip.run()
    first = tree(trip.nights)
    trip.level = 5
    assert trip.run().made == 4
    assert {name for name in first if tree(trip.nights)[name] != first[name]} == set(first)
    trip.output = PNG
    trip.run()
    assert trip.made() == {"IMG_1n.png", "secondn.png", "rome/forum/cn.png", "rome/dn.png"}


def test_bad_pictures_are_told_and_the_others_are_made(trip: Trip) -> None:
    trip.take("empty.jpg", b"")
    trip.take("rome/text.png", b"not found")
    trip.take("grey.png", saved(Image.new("L", (3, 3), 90), "PNG"))
    (trip.days / "broken.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(trip.days / "pipe.jpg")
    (trip.days / os.fsdecode(b"caf\xe9.jpg")).write_bytes(picture(6))
    with pytest.raises(DusklineError, match="5 of 10 images have no night") as caught:
        trip.run()
    assert str(trip.nights / "origins.csv") in caught.value.hint
    assert len(trip.made()) == 5
    reasons = {
        origin.source: origin.reason for origin in read_origins(trip.nights) if origin.status == "failed"
    }
    assert reasons == {
        "empty.jpg": "empty",
        "rome/text.png": "not an image that can be read",
        "broken.jpg": "cannot be read (No such file or directory)",
        "pipe.jpg": "not a plain file",
        "caf\\xe9.jpg": "its name is not UTF-8",
    }
    trip.max_failed = 0.5
    assert trip.run().failed == 5


def test_a_picture_that_became_bad_loses_its_night(trip: Trip) -> None:
    trip.run()
    trip.take("rome/d.jpg", b"")
    trip.max_failed = 1.0
    trip.run()
    assert trip.made() == {"IMG_1n.jpg", "secondn.jpg", "rome/forum/cn.jpg"}


def test_pictures_whose_nights_would_share_a_name_are_refused(trip: Trip) -> None:
    trip.take("rome/d.png", picture(7, form="PNG"))
    with pytest.raises(UserError, match=r"rome/d\.jpg and rome/d\.png \(rome/dn\.jpg\)"):
        trip.run()
    assert trip.calls() == 0
    assert not trip.nights.exists()


@pytest.mark.parametrize("place", ["trip", "trip/night", "trip/../trip/rome", "."])
def test_the_nights_never_lie_with_the_pictures(trip: Trip, place: str) -> None:
    before = tree(trip.base)
    with pytest.raises(ParameterError, match="one contains the other") as caught:
        trip.run(nights=trip.base / place)
    assert "nothing is ever written beside the images" in caught.value.hint
    assert tree(trip.base) == before


def test_neither_does_the_store(trip: Trip) -> None:
    with pytest.raises(ParameterError, match="the work store would be written to"):
        trip.run(store=trip.days / "work")


def test_links_do_not_lead_back_to_the_pictures(trip: Trip, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(trip.days)
    with pytest.raises(ParameterError, match="one contains the other"):
        trip.run(nights=tmp_path / "alias" / "night")
    trip.nights.mkdir()
    (trip.nights / "rome").symlink_to(trip.days / "rome")
    kept = Origin("rome/d.jpg", "gone.jpg", "", "", "", "", "", "done", "", digest_bytes(picture(4)))
    write_origins(trip.nights, [kept])
    before = tree(trip.days)
    with pytest.raises(ParameterError, match="leads into the image folder"):
        trip.run()
    assert tree(trip.days) == before


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such folder: .*trip"):
        Trip(tmp_path).run()
    (tmp_path / "trip").mkdir()
    with pytest.raises(MissingInputError, match=r"no images \(\.jpg, .*, \.avif\) in "):
        Trip(tmp_path).run()
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingInputError, match=r"no such folder: .*file"):
        Trip(tmp_path).run(days=tmp_path / "file")


@pytest.mark.usefixtures("real_pool")
def test_the_sizes_that_files_tell_count_against_the_memory(
    trip: Trip, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip.take("a.jpg", picture(1))
    monkeypatch.setattr(workers, "available_memory", lambda: 100)
    with pytest.raises(DusklineError, match=r"translating an image needs about 0\.0 GB of memory"):
        trip.run()
    assert not trip.nights.exists()
