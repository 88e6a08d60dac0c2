from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from scipy.io import savemat

from pipeline.core.files import digest_file
from pipeline.core.params import build
from pipeline.datasets.archives.local_archives import LocalArchive, write_record
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.pittsburgh import (
    PittsburghSettings,
    formatted_name,
    read_pittsburgh,
)
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import BadArchiveError, MissingInputError, ParameterError
from tests.datasets.raw_forms import cell, golden, jpeg, pittsburgh_raw, split_file, write_tar

# Where recorded archives lie; here they are in the raw folder.
HELD = Path("nowhere")
SETTINGS = PittsburghSettings("pitts30k")
ROWS = golden("format_pitts30k.json")["rows"]
SPLIT_ARCHIVE = "netvlad_v100_datasets.tar.gz"
NAME = "000/000123_pitch1_yaw7.jpg"
PLACE = (585_001.0, 4_476_980.0)


def formatted(raw: Path, root: Path) -> ImageSet:
    return format_set(read_pittsburgh(raw, SETTINGS, HELD), root, workers=2)


def loose(raw: Path, content: bytes, split: str = "train", folder: str = "") -> None:
    target = raw / folder / f"pitts30k_{split}.mat"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def test_the_worked_cases(tmp_path: Path) -> None:
    data = pittsburgh_raw(tmp_path / "raw")
    made = formatted(tmp_path / "raw", tmp_path / "set")
    assert {row.name for row in made.rows} == {case["destination"] for case in ROWS}
    by_name = {row.name: row for row in made.rows}
    for case in ROWS:
        row = by_name[case["destination"]]
        assert made.read(row) == data[case["source"]]
        assert row.source == f"{case['source'].partition('/')[0]}.tar/{case['source']}"
        assert (row.width, row.height, row.time_of_day) == (64, 48, "")
    assert made.counts() == {
        "train/database": 4,
        "train/queries": 2,
        "val/database": 1,
        "val/queries": 1,
        "test/database": 1,
        "test/queries": 1,
    }


@pytest.mark.parametrize("folder", ["", "datasets"])
def test_split_files_may_lie_loose(tmp_path: Path, folder: str) -> None:
    raw = tmp_path / "raw"
    pittsburgh_raw(raw)
    expected = formatted(raw, tmp_path / "expected")
    with tarfile.open(raw / SPLIT_ARCHIVE) as tar:
        for split in ("train", "val", "test"):
            stream = tar.extractfile(f"datasets/pitts30k_{split}.mat")
            assert stream is not None
            loose(raw, stream.read(), split, folder)
    (raw / SPLIT_ARCHIVE).unlink()
    assert formatted(raw, tmp_path / "set").digest == expected.digest


def test_the_part_chooses_the_split_files(tmp_path: Path) -> None:
    pittsburgh_raw(tmp_path, "pitts250k")
    assert len(list(read_pittsburgh(tmp_path, PittsburghSettings("pitts250k"), HELD))) == len(ROWS)
    with pytest.raises(
        BadArchiveError, match=r"netvlad_v100_datasets\.tar\.gz contains no pitts30k_train\.mat"
    ):
        list(read_pittsburgh(tmp_path, SETTINGS, HELD))


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(
        ParameterError, match=r"format\.x\.part must be one of pitts30k, pitts250k, not 'pitts'"
    ):
        build(PittsburghSettings, {"part": "pitts"}, "format.x")


def test_archives_that_the_user_holds_are_read_where_they_lie(tmp_path: Path) -> None:
    held, raw = tmp_path / "held", tmp_path / "raw"
    pittsburgh_raw(held / "pitts")
    raw.mkdir()
    archives = sorted((held / "pitts").iterdir())
    write_record(
        raw,
        [
            LocalArchive(path.name, path.stat().st_size, digest_file(path), f"pitts/{path.name}")
            for path in archives
        ],
    )
    before = {path: digest_file(path) for path in archives}
    made = format_set(read_pittsburgh(raw, SETTINGS, held), tmp_path / "set", workers=1)
    assert len(made.rows) == len(ROWS)
    assert {path: digest_file(path) for path in archives} == before
    archives[0].unlink()
    with pytest.raises(MissingInputError, match=r"000\.tar: missing"):
        list(read_pittsburgh(raw, SETTINGS, held))


def test_missing_archives_are_named_before_the_first_image(tmp_path: Path) -> None:
    pittsburgh_raw(tmp_path)
    (tmp_path / "003.tar").unlink()
    (tmp_path / "queries_real.tar").unlink()
    with pytest.raises(MissingInputError) as caught:
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))
    assert (
        caught.value.message
        == f"2 of 6 archives are missing in {tmp_path}:\n    003.tar\n    queries_real.tar"
    )
    assert "copy it there if this folder is yours" in caught.value.hint


def test_a_missing_raw_folder_or_split_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no raw folder .*nothing"):
        next(read_pittsburgh(tmp_path / "nothing", SETTINGS, HELD))
    with pytest.raises(
        MissingInputError, match=r"no split file pitts30k_train\.mat in .*neither as a file nor in"
    ):
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))


def test_what_a_fetched_source_lacks_goes_into_the_archive_folder_and_never_into_the_out(
    tmp_path: Path,
) -> None:
    raw = tmp_path / "raw" / "pitts"
    write_record(raw, [])
    with pytest.raises(MissingInputError, match=r"no split file pitts30k_train\.mat") as caught:
        next(read_pittsburgh(raw, SETTINGS, tmp_path))
    assert (
        "copy it into pitts/ in the archive folder (archives, or the value of DUSKLINE_ARCHIVES"
        in caught.value.hint
    )
    assert "dvc repro --force --single-item fetch@pitts" in caught.value.hint


def test_listed_images_that_no_archive_holds_are_named_and_counted(tmp_path: Path) -> None:
    pittsburgh_raw(tmp_path)
    write_tar(tmp_path / "000.tar", {"000/something_else.jpg": jpeg()})
    with pytest.raises(BadArchiveError) as caught:
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))
    assert caught.value.message.startswith("2 of 10 listed images are missing in 000.tar, 001.tar,")
    assert caught.value.message.endswith("000/000000_pitch1_yaw1.jpg\n    000/000123_pitch2_yaw24.jpg")


def test_only_the_first_missing_images_are_listed(tmp_path: Path) -> None:
    many = {f"000/{number:06d}_pitch1_yaw1.jpg": PLACE for number in range(50)}
    for split in ("train", "val", "test"):
        loose(tmp_path, split_file(many, {f"000/{split}_pitch1_yaw1.jpg": PLACE}), split)
    write_tar(tmp_path / "000.tar", {})
    write_tar(tmp_path / "queries_real.tar", {})
    with pytest.raises(
        BadArchiveError, match=r"53 of 53 listed images (?s:.*)000019_pitch1_yaw1\.jpg\s+and 33 more"
    ):
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))


def test_an_image_in_two_archives_is_refused(tmp_path: Path) -> None:
    pittsburgh_raw(tmp_path)
    write_tar(
        tmp_path / "001.tar", {"001/001500_pitch1_yaw7.jpg": jpeg(), "000/000000_pitch1_yaw1.jpg": jpeg()}
    )
    with pytest.raises(BadArchiveError, match=r"is in 000\.tar/000/.* and in 001\.tar/000/"):
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))


def saved(**variables: object) -> bytes:
    stream = io.BytesIO()
    savemat(stream, variables)
    return stream.getvalue()


def struct_of(names: object, utm: object) -> bytes:
    return saved(dbStruct={"a": "x", "b": names, "c": utm, "d": cell(["q.jpg"]), "e": [[1.0], [2.0]]})


GOOD = split_file({NAME: PLACE}, {NAME: PLACE})
UNREADABLE = {
    "garbage": (b"\x00\x01garbage" * 100, "cannot be read as a MATLAB file"),
    "empty": (b"", "cannot be read as a MATLAB file"),
    "an error page": (b"<html>404</html>" * 50, "cannot be read as a MATLAB file"),
    "truncated": (GOOD[: len(GOOD) // 2], "cannot be read as a MATLAB file"),
    "cut header": (GOOD[:60], "cannot be read as a MATLAB file"),
    "wrong variable": (
        split_file({NAME: PLACE}, {NAME: PLACE}, "other"),
        "has no variable dbStruct (it has other)",
    ),
    "no struct": (
        saved(dbStruct=[[1.0, 2.0]]),
        "dbStruct is not one struct of at least 5 fields but float64 (1, 2)",
    ),
    "few fields": (saved(dbStruct={"a": "x", "b": "y"}), "dbStruct is not one struct of at least 5 fields"),
    "names are numbers": (
        struct_of([[1.0]], [[1.0], [2.0]]),
        "field 2 of dbStruct is not a cell of database image names",
    ),
    "cells of numbers": (struct_of(cell([1.0]), [[1.0], [2.0]]), "is not a cell of database image names"),
    "wrong shape": (
        struct_of(cell(["a.jpg", "b.jpg", "c.jpg"]), [[1.0, 2.0], [1.0, 2.0]]),
        "3 database images need positions of shape (2, 3), found (2, 2) of ",
    ),
    "transposed": (struct_of(cell(["a.jpg"]), [[1.0, 2.0]]), "need positions of shape (2, 1), found (1, 2)"),
    "not finite": (
        struct_of(cell(["a.jpg"]), [[1.0], [float("nan")]]),
        "positions of database images are not all",
    ),
    "odd name": (
        split_file({"000/odd.jpg": PLACE}, {NAME: PLACE}),
        "lists '000/odd.jpg', expected a name such as 000/000123",
    ),
    "far away": (
        split_file({NAME: (1.0, 2.0)}, {NAME: PLACE}),
        f"pitts30k_train.mat: {NAME}: UTM position 1.0, 2.0 in zone 17T cannot be named",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_split_files_that_cannot_be_used_are_named(tmp_path: Path, kind: str) -> None:
    content, message = UNREADABLE[kind]
    loose(tmp_path, content)
    with pytest.raises(BadArchiveError) as caught:
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))
    assert "pitts30k_train.mat" in caught.value.message
    assert message in caught.value.message


def test_a_truncated_archive_of_split_files_is_named(tmp_path: Path) -> None:
    pittsburgh_raw(tmp_path)
    whole = (tmp_path / SPLIT_ARCHIVE).read_bytes()
    (tmp_path / SPLIT_ARCHIVE).write_bytes(whole[:200])
    with pytest.raises(BadArchiveError, match=r"netvlad_v100_datasets\.tar\.gz cannot be read: truncated"):
        next(read_pittsburgh(tmp_path, SETTINGS, HELD))


def test_raw_input_is_never_changed(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    pittsburgh_raw(raw)
    before = {path: (digest_file(path), path.stat().st_mtime_ns) for path in raw.iterdir()}
    formatted(raw, tmp_path / "set")
    assert {path: (digest_file(path), path.stat().st_mtime_ns) for path in raw.iterdir()} == before


def test_tiles_are_counted_row_by_row() -> None:
    tiles = [
        formatted_name(f"000/000123_pitch{pitch}_yaw{yaw}.jpg", *PLACE, "x.mat").split("@")[8]
        for pitch, yaw in ((1, 1), (1, 24), (2, 1), (2, 24))
    ]
    assert tiles == ["00", "23", "24", "47"]
