from __future__ import annotations

import io
import itertools
import re
from typing import Any

import numpy as np
import pytest
import utm
from scipy.io import loadmat

from pipeline.city.export.archive_layouts import FORMS, Form, form_of
from pipeline.datasets.image_set.image_names import ImageName
from tests.city.tiny import tiny


def members(form: Form, archive: str) -> list[str]:
    return [picture.member for part in form.parts if part.archive == archive for picture in part.pictures()]


def archives(form: Form) -> list[str]:
    return list(dict.fromkeys(part.archive for part in form.parts))


def struct(data: bytes) -> Any:
    return loadmat(io.BytesIO(data), squeeze_me=True, struct_as_record=False)["dbStruct"]


def test_pittsburgh_archives_and_names() -> None:
    form = form_of(tiny(pitches=2), "pittsburgh")
    assert archives(form) == ["000.tar", "queries_real.tar", "001.tar", "002.tar"]
    first = members(form, "000.tar")
    assert len(first) == 4 * 4 * 2
    assert first[:2] == ["000/000000_pitch1_yaw1.jpg", "000/000000_pitch1_yaw4.jpg"]
    assert first[-1] == "000/000003_pitch2_yaw10.jpg"
    assert members(form, "001.tar")[0] == "001/001000_pitch1_yaw1.jpg"
    queries = members(form, "queries_real.tar")
    assert len(queries) == (2 + 1 + 2) * 4 * 2
    assert queries[0] == "queries_real/010/010000_pitch1_yaw1.jpg"


def test_pittsburgh_split_files_list_what_the_archives_hold() -> None:
    form = form_of(tiny(), "pittsburgh")
    held = {picture.member: picture.position for picture in form.pictures()}
    names = [name for name, _ in form.split_files]
    assert names == [f"datasets/pitts30k_{split}.mat" for split in ("train", "val", "test")]
    listed: list[str] = []
    for (_, data), split in zip(form.split_files, ("train", "val", "test"), strict=True):
        found = struct(data)
        assert found.whichSet == split
        queries = [f"queries_real/{name}" for name in found.qImageFns]
        for names_, positions in ((list(found.dbImageFns), found.utmDb), (queries, found.utmQ)):
            np.testing.assert_array_equal(positions.T, [held[name] for name in names_])
            listed += names_
        assert (found.posDistThr, found.posDistSqThr, found.nonTrivPosDistSqThr) == (25, 625, 100)
    assert sorted(listed) == sorted(held)


def test_a_thousand_panoramas_to_an_archive() -> None:
    form = form_of(tiny(train_places=1001, yaws=1, query_share=0.001), "pittsburgh")
    assert archives(form) == ["000.tar", "001.tar", "queries_real.tar", "002.tar", "003.tar"]
    assert members(form, "001.tar") == ["001/001000_pitch1_yaw1.jpg"]
    assert members(form, "002.tar")[0] == "002/002000_pitch1_yaw1.jpg"


def test_tokyo_archives_and_names() -> None:
    form = form_of(tiny(), "tokyo247")
    assert archives(form) == ["03814.tar", "03815.tar", "247query_subset_v2.zip"]
    database = members(form, "03814.tar") + members(form, "03815.tar")
    assert len(database) == 3 * 4
    assert all(
        re.fullmatch(r"0381[45]/[A-Za-z0-9]{22}_012_(000|090|180|270)\.png", name) for name in database
    )
    assert len({name.split("/")[1][:22] for name in database}) == 3
    assert members(form, "247query_subset_v2.zip")[0] == "247query_subset_v2/00001.jpg"


def test_tokyo_split_file_says_jpg_and_lists_all() -> None:
    form = form_of(tiny(), "tokyo247")
    ((name, data),) = form.split_files
    assert name == "datasets/tokyo247.mat"
    found = struct(data)
    database = members(form, "03814.tar") + members(form, "03815.tar")
    assert [name.replace(".jpg", ".png") for name in found.dbImageFns] == database
    assert list(found.qImageFns) == [f"{number:05d}.jpg" for number in range(1, 7)]


def test_each_tokyo_place_is_taken_by_day_at_sunset_and_by_night() -> None:
    form = form_of(tiny(), "tokyo247")
    pictures = list(form.parts[-1].pictures())
    assert [picture.drawing.time_of_day for picture in pictures] == ["day", "sunset", "night"] * 2
    for picture, letter in zip(pictures, "DSNDSN", strict=True):
        ((name, line),) = picture.companions
        assert name == picture.member.replace(".jpg", ".csv")
        fields = line.decode().strip().split(",")
        assert (fields[0], fields[5]) == (picture.member.rpartition("/")[2], letter)
        east, north, zone, band = utm.from_latlon(float(fields[1]), float(fields[2]))
        assert (zone, band) == (54, "S")
        np.testing.assert_allclose((east, north), picture.position, atol=0.01)
    places = [picture.position for picture in pictures]
    for day, night in ((places[0], places[2]), (places[3], places[5])):
        assert 0 < np.hypot(*np.subtract(day, night)) < 4


def test_xs_names_are_common_and_without_images_level() -> None:
    form = form_of(tiny(), "xs")
    assert archives(form) == ["city_xs.zip"]
    pictures = list(form.pictures())
    roles = [picture.member.split("/")[:3] for picture in pictures]
    assert roles == [["city_xs", "test", "database"]] * 8 + [["city_xs", "test", "queries"]] * 3
    assert len({picture.member for picture in pictures}) == 11
    for picture in pictures:
        name = ImageName.parse(picture.member.rpartition("/")[2])
        np.testing.assert_allclose((name.east, name.north), picture.position, atol=0.006)
        assert (name.utm_zone_number, name.utm_zone_letter) == ("10", "S")
        assert int(name.heading) == int(picture.drawing.shot.yaw)


@pytest.mark.parametrize("name", FORMS)
def test_parts_list_the_same_again(name: str) -> None:
    form = form_of(tiny(), name)
    assert list(form.pictures()) == list(form.pictures()) == list(form_of(tiny(), name).pictures())


@pytest.mark.parametrize("name", FORMS)
def test_each_city_is_drawn_at_a_stretch(name: str) -> None:
    form = form_of(tiny(), name)
    districts = [district for district, _ in itertools.groupby(p.drawing.district for p in form.pictures())]
    assert len(districts) == len(set(districts))
