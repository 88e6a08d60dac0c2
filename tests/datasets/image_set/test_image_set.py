from __future__ import annotations

import csv
import io
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, ImageRow, ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.runtime.errors import MissingInputError, SetError

COLUMNS = "name,source,digest,size,width,height,time_of_day"


def file_name(number: int, suffix: str = ".jpg") -> str:
    return name_at_utm(
        585_000.0 + number, 4_477_000.0, 17, "T", Details(pano_id=number, extension=suffix)
    ).encode()


def add(writer: SetWriter, name: str, data: bytes = b"data", source: str = "a.tar/1.jpg") -> ImageRow:
    return writer.add(name, data, source=source, width=4, height=3)


@pytest.fixture
def made(tmp_path: Path) -> ImageSet:
    """Two images in train/database, one each in test/queries and val/database."""
    writer = SetWriter(tmp_path / "set")
    for number, (place, data) in enumerate(
        [
            ("train/database", b"one"),
            ("train/database", b"three"),
            ("test/queries", b"5"),
            ("val/database", b"7"),
        ]
    ):
        writer.add(
            f"images/{place}/{file_name(9 - number)}",
            data,
            source=f"0.tar/{number}.jpg",
            width=64,
            height=48,
            time_of_day="night" if place == "test/queries" else "",
        )
    return writer.finish()


def test_what_was_written_is_read(made: ImageSet) -> None:
    opened = ImageSet.open(made.root)
    assert opened == made
    assert [row.name for row in opened.rows] == sorted(row.name for row in opened.rows)
    assert [opened.read(row) for row in opened.rows] == [b"5", b"three", b"one", b"7"]
    assert all(opened.path(row).read_bytes() == opened.read(row) for row in opened.rows)
    first = opened.rows[0]
    assert first == ImageRow(
        f"images/test/queries/{file_name(7)}", "0.tar/2.jpg", digest_bytes(b"5"), 1, 64, 48, "night"
    )
    assert (first.split, first.role, first.file_name) == ("test", "queries", file_name(7))
    assert (first.east, first.north) == (585_007.0, 4_477_000.0)


def test_rows_are_small(made: ImageSet) -> None:
    assert not hasattr(made.rows[0], "__dict__")


def test_where_and_counts(made: ImageSet) -> None:
    assert made.counts() == {"train/database": 2, "val/database": 1, "test/queries": 1}
    assert list(made.counts()) == ["train/database", "val/database", "test/queries"]
    assert [row.split for row in made.where("train")] == ["train", "train"]
    assert [row.split for row in made.where(role="database")] == ["train", "train", "val"]
    assert made.where("train", "queries") == ()
    assert made.where() == made.rows
    with pytest.raises(SetError, match="unknown split 'training'; known are train, val, test"):
        made.where("training")
    with pytest.raises(SetError, match="unknown role 'query'; known are database, queries"):
        made.where(role="query")


def test_the_manifest_is_a_plain_csv_sorted_by_name(made: ImageSet) -> None:
    text = (made.root / "manifest.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert rows[0]["digest"] == digest_bytes(b"5")
    assert made.digest == digest_bytes(text.encode("utf-8"))


def test_the_order_of_writing_leaves_no_trace(tmp_path: Path) -> None:
    names = [f"images/train/database/{file_name(number)}" for number in range(5)]
    digests = set()
    for number, order in enumerate((names, names[::-1])):
        writer = SetWriter(tmp_path / str(number))
        for name in order:
            add(writer, name, name.encode())
        digests.add(writer.finish().digest)
    assert len(digests) == 1


def test_a_set_without_manifest_is_no_set(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    add(writer, f"images/train/database/{file_name(1)}")
    with pytest.raises(MissingInputError, match=r"no dataset in .*set: it has no manifest\.csv"):
        ImageSet.open(tmp_path / "set")
    with pytest.raises(MissingInputError, match="no dataset in"):
        ImageSet.open(tmp_path / "nothing")


def test_files_that_differ_from_the_manifest_are_named(made: ImageSet) -> None:
    missing, changed = made.path(made.rows[0]), made.path(made.rows[1])
    missing.unlink()
    changed.write_bytes(b"longer than it was")
    extra = made.root / "images" / "train" / "database" / "extra.jpg"
    extra.write_bytes(b"x")
    nested = made.root / "images" / "train" / "database" / "deeper" / "x.jpg"
    nested.parent.mkdir()
    nested.write_bytes(b"x")
    with pytest.raises(SetError) as caught:
        ImageSet.open(made.root)
    assert caught.value.message.splitlines() == [
        f"the dataset {made.root} differs from its manifest.csv in 4 files:",
        f"    {made.rows[0].name} is missing",
        f"    {made.rows[1].name} has 18 bytes, not 5",
        "    images/train/database/deeper/x.jpg is not in the manifest",
        "    images/train/database/extra.jpg is not in the manifest",
    ]


def test_opening_holds_little_beside_the_rows(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    for number in range(1000):
        name = f"images/train/database/{file_name(number)}"
        add(writer, name, source=f"processed/{name}")
    writer.finish()
    ImageSet.open(tmp_path / "set")  # what the first call alone takes
    tracemalloc.start()
    try:
        opened = ImageSet.open(tmp_path / "set")
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(opened.rows) == 1000
    # The manifest and an index of the names, which the rows hold already; not the names of all files again.
    assert peak < 1.7 * held


def test_files_beside_the_images_belong_to_the_stage_that_wrote_them(made: ImageSet) -> None:
    (made.root / "origins.csv").write_text("anything")
    assert ImageSet.open(made.root) == made


def row_text(name: str = "", time_of_day: str = "", size: str = "3") -> str:
    name = name or f"images/train/database/{file_name(1)}"
    return f"{name},a.tar/1.jpg,{'0' * 64},{size},4,3,{time_of_day}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its header is ''"),
        ("name,size\n", "its header is 'name,size', expected 'name,source,digest"),
        (f"{COLUMNS}\n", "names no images"),
        (f"{COLUMNS}\n{row_text()},more\n", "(line 2): 8 values instead of 7"),
        (f"{COLUMNS}\n{row_text()[:-5]}\n", "(line 2): 4 values instead of 7"),
        (f"{COLUMNS}\n{row_text(size='many')}\n", "(line 2): invalid literal for int()"),
        (f"{COLUMNS}\n{row_text(size='0')}\n", "must be at least 1"),
        (f"{COLUMNS}\n{row_text()}\n{row_text()}\n", f"{file_name(1)} twice"),
        (
            f"{COLUMNS}\n{row_text('../outside.jpg')}\n",
            "expected images/{train,val,test}/{database,queries}/",
        ),
        (
            f"{COLUMNS}\n{row_text(time_of_day='dusk')}\n",
            "time of day 'dusk' is not one of day, sunset, night",
        ),
        (f'{COLUMNS}\n"{row_text()}\n', "(line 2): unexpected end of data"),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(SetError) as caught:
        ImageSet.open(tmp_path)
    assert str(tmp_path / "manifest.csv") in caught.value.message
    assert message in caught.value.message


def test_a_manifest_of_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SetError, match="is not a manifest: 'utf-8' codec"):
        ImageSet.open(tmp_path)


def test_reading_a_vanished_file_names_it(made: ImageSet) -> None:
    made.path(made.rows[0]).unlink()
    with pytest.raises(SetError, match=r"cannot read images/test/queries/.* of the dataset"):
        made.read(made.rows[0])


def test_no_parent_folder_may_hold_an_at_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "me@home"
    folder.mkdir()
    with pytest.raises(SetError, match="may not contain '@'"):
        SetWriter(folder / "set")
    monkeypatch.chdir(folder)
    with pytest.raises(SetError, match="me@home/set"):
        ImageSet.open(Path("set"))
    monkeypatch.chdir(tmp_path)
    add(SetWriter(Path("me@home/../set")), f"images/train/database/{file_name(1)}")


@pytest.mark.contract
def test_contract_other_code_bases_find_images_and_positions(made: ImageSet) -> None:
    paths = sorted(map(str, made.root.glob("images/train/database/**/*.jpg")))
    assert paths == [str(made.path(row)) for row in made.where("train", "database")]
    utms = [tuple(float(part) for part in path.split("@")[1:3]) for path in paths]
    assert utms == [(row.east, row.north) for row in made.where("train", "database")]


TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",)), max_size=30)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SPLITS),
            st.sampled_from(ROLES),
            st.integers(0, 999),
            st.sampled_from((".jpg", ".png")),
            TEXTS,
            st.binary(min_size=1, max_size=20),
            st.sampled_from(("", "day", "sunset", "night")),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda item: item[:4],
    )
)
def test_any_set_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[str, str, int, str, str, bytes, str]]
) -> None:
    writer = SetWriter(tmp_path_factory.mktemp("sets") / "set")
    for split, role, number, suffix, source, data, time_of_day in items:
        name = f"images/{split}/{role}/{file_name(number, suffix)}"
        writer.add(name, data, source=source, width=5, height=7, time_of_day=time_of_day)
    written = writer.finish()
    assert ImageSet.open(written.root) == written
    assert {(row.source, written.read(row)) for row in written.rows} == {(item[4], item[5]) for item in items}


@pytest.mark.long
def test_a_set_of_fifty_thousand_opens_quickly(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    for number in range(50_000):
        add(writer, f"images/train/database/{file_name(number)}")
    written = writer.finish()
    start = time.perf_counter()
    opened = ImageSet.open(written.root)
    seconds = time.perf_counter() - start
    assert opened == written
    assert seconds < 5
