from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from pipeline.city.export import deterministic_archives
from pipeline.city.export.deterministic_archives import new_archive, split_file

MEMBERS = {"b/two.txt": b"two", "a/one.txt": b"one" * 1000, "c/empty": b""}


def write(target: Path) -> bytes:
    with new_archive(target) as add:
        for name, data in MEMBERS.items():
            add(name, data)
    return target.read_bytes()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_members_come_back_in_order(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"x{suffix}"
    write(target)
    found = {}
    if suffix == ".zip":
        with zipfile.ZipFile(target) as packed:
            assert packed.testzip() is None
            found = {info.filename: packed.read(info) for info in packed.infolist()}
    else:
        with tarfile.open(target) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                assert stream is not None
                found[info.name] = stream.read()
    assert list(found.items()) == list(MEMBERS.items())


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_bytes_do_not_depend_on_clock_or_name(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(tmp_path / f"one{suffix}")
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert write(tmp_path / f"another{suffix}") == first


def test_an_archive_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "x.tar")
    with pytest.raises(FileExistsError), new_archive(tmp_path / "x.tar"):
        pass


def test_split_file_has_the_published_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    database = {"000/a.jpg": (585001.25, 4476980.5), "000/b.jpg": (585002.0, 4476981.0)}
    queries = {"010/q.jpg": (585003.0, 4476990.0)}
    data = split_file("val", database, queries, (25.0, 625.0, 100.0))
    struct = loadmat(io.BytesIO(data))["dbStruct"]
    assert struct.dtype.names == (
        "whichSet",
        "dbImageFns",
        "utmDb",
        "qImageFns",
        "utmQ",
        "numImages",
        "numQueries",
        "posDistThr",
        "posDistSqThr",
        "nonTrivPosDistSqThr",
    )
    which, names, utm_db, query_names, utm_q, *numbers = struct.item()
    assert which.item() == "val"
    assert [name.item() for name in names[:, 0]] == list(database)
    assert [name.item() for name in query_names[:, 0]] == list(queries)
    np.testing.assert_array_equal(utm_db, np.array(list(database.values())).T)
    np.testing.assert_array_equal(utm_q, [[585003.0], [4476990.0]])
    assert [number.item() for number in numbers] == [2, 1, 25, 625, 100]


def test_split_file_holds_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    data = split_file("val", {"a": (1.0, 2.0)}, {"q": (1.0, 2.0)}, (25.0, 625.0, 100.0))
    assert data.startswith(b"MATLAB 5.0 MAT-file, written by duskline  ")
    # The version and the byte order follow the text.
    assert data[deterministic_archives._MAT_HEADER_BYTES :][8:12] == b"\x00\x01IM"
