"""MSLS in its published form: names, splits, the tables' join, the south, Greenwich, and what is refused."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.params import build
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.msls import SPLIT_OF, MslsSettings, listed_keys, read_msls
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import (
    BadArchiveError,
    BadImageError,
    MissingInputError,
    ParameterError,
    UserError,
)
from tests.datasets.raw_forms import golden, jpeg, write_zip

HELD = Path("nowhere")
GOLDEN = golden("today_sets.json")["msls"]
FOLDER = "train_val/cph/query"
Content = dict[str, bytes]


def settings(**changes: Any) -> MslsSettings:
    return build(MslsSettings, {"cities": None, "val_queries": None, "val_as": "val"} | changes, "here")


def key_of(row: dict[str, str]) -> str:
    return row["raw_csv_line"].split(",")[1]


def content_of(rows: list[dict[str, str]]) -> Content:
    """The published tree of these rows."""
    lines: dict[str, list[str]] = defaultdict(list)
    pictures = {}
    for seed, row in enumerate(rows):
        folder = f"{row['root']}/{row['city']}/{row['folder']}"
        lines[f"{folder}/raw.csv"].append(row["raw_csv_line"])
        lines[f"{folder}/postprocessed.csv"].append(row["postprocessed_csv_line"])
        pictures[f"{folder}/images/{key_of(row)}.jpg"] = jpeg(seed=seed)
    tables = {
        name: "\n".join([GOLDEN["raw_header" if "raw" in name else "postprocessed_header"], *rest]).encode()
        for name, rest in lines.items()
    }
    return tables | pictures


def made_row(
    key: str,
    latitude: float = 55.676,
    longitude: float = 12.568,
    *,
    city: str = "cph",
    folder: str = "query",
    night: bool = False,
    pano: bool = False,
    utm: str = "0,0",
) -> dict[str, str]:
    key = key.ljust(22, "x")
    return {
        "root": "train_val",
        "city": city,
        "folder": folder,
        "raw_csv_line": f"0,{key},{longitude},{latitude},90.0,2018-07-04,{pano}",
        "postprocessed_csv_line": f"0,{key},{utm},3,False,{night},Forward",
    }


def pack(raw: Path, content: Content) -> None:
    """As published: tables in an archive of their own, images of a city in several."""
    tables = {name: data for name, data in content.items() if "/" in name and name.endswith(".csv")}
    pictures = [item for item in content.items() if item[0].endswith(".jpg")]
    write_zip(raw / "msls_metadata.zip", tables)
    for volume in (1, 2):
        write_zip(raw / f"msls_images_vol_{volume}.zip", dict(pictures[volume - 1 :: 2]))
    for name, data in content.items():
        if "/" not in name:
            (raw / name).write_bytes(data)


def unpack(raw: Path, content: Content) -> None:
    for name, data in content.items():
        path = raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def formatted(tmp_path: Path, content: Content, **changes: Any) -> ImageSet:
    pack(tmp_path / "raw", content)
    return format_set(read_msls(tmp_path / "raw", settings(**changes), HELD), tmp_path / "set", workers=2)


@pytest.mark.parametrize("how", [pack, unpack])
def test_worked_names(tmp_path: Path, how: Callable[[Path, Content], None]) -> None:
    rows = GOLDEN["rows"]
    how(tmp_path / "raw", content_of(rows))
    made = format_set(read_msls(tmp_path / "raw", settings(), HELD), tmp_path / "set", workers=2)
    found = {row.file_name.split("@")[7]: row.name for row in made.rows}
    # The published formatter keeps a panorama in a last line, and sends test cities to val; and east of
    # Greenwich London is in another zone than the most of it here.
    panoramas = {key_of(row) for row in rows if row["raw_csv_line"].endswith("True")}
    expected = {
        key_of(row): row["name"].replace("msls/", "images/")
        for row in rows
        if key_of(row) not in panoramas and row["root"] != "test" and row.get("remark", "")[:7] != "zone 31"
    }
    assert len(panoramas) == 2
    assert len(expected) == 6
    assert expected.items() <= found.items()
    assert not panoramas & found.keys()
    assert found["MiamiMiamiMiamiMiami01"].startswith("images/test/queries/@0581048.16@2849540.41@17@R@")


def test_night_and_view_are_kept(tmp_path: Path) -> None:
    made = formatted(tmp_path, content_of(GOLDEN["rows"]))
    times = {
        row.file_name.split("@")[7]: (row.time_of_day, row.file_name.split("@")[14]) for row in made.rows
    }
    assert times["-znE0Q_f5I4N2KZLU3pTWg"] == ("night", "night_sideways_trondheim")
    assert times["_lh6XS9q1u2yo_YQqp6MJg"] == ("day", "day_backward_melbourne")


def test_night_queries_before_a_database_by_day(tmp_path: Path) -> None:
    times = ((name, night) for name in ("query", "database") for night in (False, True))
    rows = [made_row(f"{name}{night}", folder=name, night=night) for name, night in times]
    made = formatted(tmp_path, content_of(rows))
    select_time(made, tmp_path / "night", "night", None, database="day")
    kept = ImageSet.open(tmp_path / "night")
    assert {(row.role, row.time_of_day) for row in kept.rows} == {("database", "day"), ("queries", "night")}


def test_greenwich_is_no_border(tmp_path: Path) -> None:
    rows = [row for row in GOLDEN["rows"] if row["city"] == "london"]
    made = formatted(tmp_path, content_of(rows))
    east, west = sorted(row.east for row in made.rows)
    assert 15 < west - east < 19
    assert len({row.grid for row in made.rows}) == 1


def test_easting_and_northing_are_held_against_degrees(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        formatted(tmp_path / "as published", content_of(GOLDEN["rows"]))
    assert caplog.text == ""
    row = made_row("moved", utm="347093.25,6172715")
    with caplog.at_level(logging.WARNING):
        formatted(tmp_path / "moved", content_of([row]))
    assert "easting and northing of 1 of 1 images are more than 1 m from" in caplog.text
    assert "cph/query/movedxxx" in caplog.text


def test_tables_are_joined_by_key_whatever_their_order(tmp_path: Path) -> None:
    rows = [made_row("day"), made_row("night", night=True)]
    content = content_of(rows)
    lines = content[f"{FOLDER}/postprocessed.csv"].splitlines()
    content[f"{FOLDER}/postprocessed.csv"] = b"\n".join([lines[0], *reversed(lines[1:])])
    made = formatted(tmp_path, content)
    assert {row.file_name.split("@")[7][:3]: row.time_of_day for row in made.rows} == {
        "day": "day",
        "nig": "night",
    }


@pytest.mark.parametrize("table", ["raw.csv", "postprocessed.csv"])
def test_tables_that_do_not_fit(tmp_path: Path, table: str) -> None:
    content = content_of([made_row("one"), made_row("two")])
    whole = content[f"{FOLDER}/{table}"]
    content[f"{FOLDER}/{table}"] = whole.rpartition(b"\n")[0]
    with pytest.raises(BadArchiveError, match="do not match: 1 keys in only one of them") as caught:
        formatted(tmp_path / "less", content)
    assert "twoxx" in caught.value.message
    content[f"{FOLDER}/{table}"] = whole + b"\n" + whole.rpartition(b"\n")[2]
    with pytest.raises(BadArchiveError, match="1 keys twice"):
        formatted(tmp_path / "more", content)


def test_splits_are_the_published_ones(tmp_path: Path) -> None:
    assert [list(SPLIT_OF.values()).count(split) for split in ("train", "val", "test")] == [22, 2, 6]
    content = content_of(GOLDEN["rows"])
    # Before their labels were public.
    content["test/kampala/query/seq_info.csv"] = b",key,sequence_key,frame_number\n"
    content["test/kampala/query/images/KampalaKampalaKampala1.jpg"] = jpeg()
    made = formatted(tmp_path, content)
    splits = {(row.split, row.file_name.split("@")[14].rpartition("_")[2]) for row in made.rows}
    assert {city for split, city in splits if split == "val"} == {"cph", "sf"}
    assert {city for split, city in splits if split == "test"} == {"miami"}


def test_cities_of_val_may_be_tested_on(tmp_path: Path) -> None:
    made = formatted(tmp_path, content_of(GOLDEN["rows"]), cities=["cph", "sf", "london"], val_as="test")
    assert made.counts() == {"train/database": 2, "test/database": 1, "test/queries": 1}


def test_folders_without_labels_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = content_of(GOLDEN["rows"])
    content["test/kampala/query/seq_info.csv"] = b",key,sequence_key,frame_number\n"
    with caplog.at_level(logging.WARNING):
        formatted(tmp_path, content)
    assert "left out 1 folders without raw.csv and postprocessed.csv" in caplog.text
    with pytest.raises(MissingInputError, match=r"no tables raw\.csv and postprocessed\.csv of kampala"):
        formatted(tmp_path, content, cities=["kampala"])


def test_cities_that_are_wanted(tmp_path: Path) -> None:
    made = formatted(tmp_path, content_of(GOLDEN["rows"]), cities=["cph", "sf"])
    assert made.counts() == {"val/database": 1, "val/queries": 1}
    with pytest.raises(ParameterError, match="cities: unknown copenhagen; known are trondheim"):
        settings(cities=["copenhagen"])
    with pytest.raises(UserError, match="cities that are not in MSLS: atlantis"):
        formatted(tmp_path, content_of([made_row("one", city="atlantis")]))


LISTS: dict[str, Callable[[list[str]], bytes]] = {
    "keys.txt": lambda keys: "\n".join(keys).encode(),
    "files.csv": lambda keys: "\r\n".join(f"train_val/cph/query/images/{key}.jpg" for key in keys).encode(),
    "names.txt": lambda keys: "\n".join(f"@1@2@@@@@{key}@@@@@@@note@.jpg" for key in keys).encode(),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_queries_of_papers(tmp_path: Path, name: str) -> None:
    rows = [made_row(f"-q{number}") for number in range(4)]
    content = content_of([*rows, made_row("_d", folder="database")])
    wanted = [key_of(rows[0]), key_of(rows[2])]
    made = formatted(tmp_path, content | {name: LISTS[name](wanted)}, val_queries=name)
    assert {row.file_name.split("@")[7] for row in made.where(role="queries")} == set(wanted)
    assert made.counts() == {"val/database": 1, "val/queries": 2}


def test_arrays_of_keys(tmp_path: Path) -> None:
    keys = ["a" * 22, "-" * 22]
    np.save(tmp_path / "keys.npy", np.array([f"cph/query/images/{key}.jpg" for key in keys]))
    assert listed_keys(tmp_path / "keys.npy") == set(keys)
    np.save(tmp_path / "bytes.npy", np.array([key.encode() for key in keys]))
    assert listed_keys(tmp_path / "bytes.npy") == set(keys)
    np.save(tmp_path / "objects.npy", np.array(keys, dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is not a list of images"):
        listed_keys(tmp_path / "objects.npy")


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (b"short\n", "1 of 1 entries of .* contain no key of MSLS"),
        (b"0123456789012345678901\n", "1 of 1 keys in .* are not keys of a query of val"),
        (b"\xff", "is not a list of images"),
    ],
)
def test_lists_that_do_not_fit(tmp_path: Path, listing: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        formatted(tmp_path, content_of([made_row("one")]) | {"keys.txt": listing}, val_queries="keys.txt")


def test_lists_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"keys\.txt"):
        formatted(tmp_path, content_of([made_row("one")]), val_queries="keys.txt")
    with pytest.raises(ParameterError, match="is not in the raw folder"):
        settings(val_queries="../keys.txt")


def test_missing_pictures_are_told_by_city(tmp_path: Path) -> None:
    content = content_of([made_row("one"), made_row("two"), made_row("three", folder="database")])
    del content[f"{FOLDER}/images/{'two'.ljust(22, 'x')}.jpg"]
    with pytest.raises(BadArchiveError, match="1 of 3 images that the tables list are not in") as caught:
        formatted(tmp_path, content)
    assert "cph/query: 1 of 2, first twoxx" in caught.value.message


def test_pictures_published_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty = "Ek08yvVCR1tXrD4ZSx59CA"
    content = content_of([made_row("one"), made_row(empty)])
    whole = content[f"{FOLDER}/images/{empty}.jpg"]
    content[f"{FOLDER}/images/{empty}.jpg"] = b""
    with caplog.at_level(logging.WARNING):
        assert len(formatted(tmp_path, content).rows) == 1
    assert "left out 1 images that were published empty" in caplog.text
    # The patch has it, and counts more than what it replaces.
    write_zip(tmp_path / "raw" / "msls_patch_v1.1.zip", {f"{FOLDER}/images/{empty}.jpg": whole})
    made = format_set(read_msls(tmp_path / "raw", settings(), HELD), tmp_path / "set", workers=1)
    assert any("msls_patch_v1.1.zip" in row.source for row in made.rows)
    content[f"{FOLDER}/images/{'one'.ljust(22, 'x')}.jpg"] = b""
    with pytest.raises(BadImageError, match="1 of 2 images cannot be read"):
        formatted(tmp_path, content | {f"{FOLDER}/images/{empty}.jpg": whole})


def test_an_unpacked_patch_counts_more_than_what_it_replaces(tmp_path: Path) -> None:
    rows = [made_row("one"), made_row("-Patch")]
    content = content_of(rows)
    repaired = f"{FOLDER}/images/{key_of(rows[0])}.jpg"
    content[repaired] = b"damaged"
    for how in (pack, unpack):
        raw = tmp_path / how.__name__
        how(raw / "a volume", content)
        unpack(raw, {f"msls_patch_v1.1/{repaired}": jpeg()})
        made = format_set(read_msls(raw, settings(), HELD), tmp_path / "set", workers=1)
        assert len(made.rows) == 2
        assert f"msls_patch_v1.1/{repaired}" in {row.source for row in made.rows}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",False,Forward", ",maybe,Forward", "night 'maybe' is neither True nor False"),
        (",False,Forward", ",False,Up", "view_direction 'Up' is not one of Forward, Backward, Sideways"),
        (",2018-07-04,", ",July,", "'July' is not a date"),
        (",55.676,", ",north,", "could not convert string to float"),
        (",55.676,", ",95.676,", "cannot be named"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, old: str, new: str, said: str) -> None:
    row = {name: text.replace(old, new) for name, text in made_row("one").items()}
    with pytest.raises(UserError, match="1 rows of the tables of") as caught:
        formatted(tmp_path, content_of([row]))
    assert said in caught.value.message
    assert "onexx" in caught.value.message


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no tables raw\.csv and postprocessed\.csv in") as caught:
        formatted(tmp_path, {})
    assert "cities found: none" in caught.value.hint
