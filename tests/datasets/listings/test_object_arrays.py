"""Lists in .npy files are read, and what a pickle asks for is not run."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.listings.object_arrays import read_object_array
from pipeline.runtime.errors import MissingInputError, UserError


def saved(path: Path, rows: np.ndarray) -> Path:
    np.save(path, rows, allow_pickle=True)
    return path


def objects(rows: list[Any], columns: int = 2) -> np.ndarray:
    """An array of objects (n, columns), each list in it one object."""
    array = np.empty((len(rows), columns), dtype=object)
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            array[row, column] = value
    return array


def with_pickle(path: Path, pickled: bytes, shape: tuple[int, ...] = (1, 2)) -> Path:
    """A .npy file of objects whose content is this pickle."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": shape})
    path.write_bytes(stream.getvalue() + pickled)
    return path


ROWS = [[0, [0, 1, 2]], [1, [0, 1, 2, 3]], [2, []]]


@pytest.mark.parametrize(
    "rows",
    [
        objects(ROWS),
        objects([[np.int64(query), near] for query, near in ROWS]),
        objects([[np.uint8(query), np.array(near, dtype=">i4")] for query, near in ROWS]),
        objects([[query, tuple(map(np.int32, near))] for query, near in ROWS]),
        np.asfortranarray(objects(ROWS)),
    ],
)
def test_rows_of_numbers_and_lists(tmp_path: Path, rows: np.ndarray) -> None:
    assert read_object_array(saved(tmp_path / "labels.npy", rows)) == ROWS


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2**40), st.lists(st.integers(-5, 10_000))), min_size=1))
def test_what_is_read_is_what_numpy_reads(rows: list[tuple[int, list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder) / "labels.npy", objects([list(row) for row in rows]))
        assert read_object_array(path) == np.load(path, allow_pickle=True).tolist()


def test_numbers_alone_are_no_pickle(tmp_path: Path) -> None:
    assert read_object_array(saved(tmp_path / "a.npy", np.array([[0, 1], [1, 2]]))) == [[0, 1], [1, 2]]
    turned = np.array([[0, 1, 2], [3, 4, 5]], order="F")
    assert read_object_array(saved(tmp_path / "b.npy", objects([[0, turned[0]], [1, turned[:, 1]]]))) == [
        [0, [0, 1, 2]],
        [1, [1, 4]],
    ]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_any_age(tmp_path: Path, protocol: int) -> None:
    pickled = pickle.dumps(objects([[np.int64(query), near] for query, near in ROWS]), protocol)
    assert read_object_array(with_pickle(tmp_path / "a.npy", pickled, (3, 2))) == ROWS


def test_pickles_of_python_2(tmp_path: Path) -> None:
    """Bytes are text there, and the module has its older name."""
    dtype = b"cnumpy\ndtype\n(S'%s'\nI0\nI1\ntR"
    number = b"cnumpy.core.multiarray\nscalar\n(" + dtype % b"i2"
    number += b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbS'\\xe9\\x00'\ntR"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nt"
    array += dtype % b"O8" + b"I00\n"
    path = with_pickle(tmp_path / "a.npy", array + b"(l" + number + b"a(lI7\naatb.", (2,))
    assert (
        read_object_array(path) == [233, [7]] == np.load(path, allow_pickle=True, encoding="latin1").tolist()
    )


class Runs:
    """Its pickle makes a file when it is read by a plain unpickler."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("where", ["instead of the array", "in a list of the array"])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, where: str) -> None:
    mark = tmp_path / "was_run"
    if where == "instead of the array":
        path = with_pickle(tmp_path / "a.npy", pickle.dumps(Runs(mark)))
    else:
        path = saved(tmp_path / "a.npy", objects([[0, [Runs(mark)]]]))
    with pytest.raises(UserError, match=r"would run posix\.mkdir when it is read") as caught:
        read_object_array(path)
    assert "nothing in it was run" in caught.value.hint
    assert not mark.exists()
    np.load(path, allow_pickle=True)
    assert mark.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'a.npy'\ntR.",
        b"cnumpy.testing._private.utils\nrunstring\n(S'1'\nS'2'\ntR.",
        b"ctests.datasets.listings.test_object_arrays\nRuns\n.",
    ],
)
def test_other_calls_are_refused_by_name(tmp_path: Path, pickled: bytes) -> None:
    name = b".".join(pickled[1:].split(b"\n")[:2]).decode()
    with pytest.raises(UserError, match="would run " + name.replace(".", r"\.")):
        read_object_array(with_pickle(tmp_path / "a.npy", pickled))


def test_a_pickle_cannot_change_what_reads_the_next_one(tmp_path: Path) -> None:
    # Gives numpy.ndarray attributes, as a pickle may of any class that it gets hold of.
    pickled = b"cnumpy\nndarray\n(N(S'__setstate__'\nNS'rows'\nNdtb."
    with pytest.raises(UserError):
        read_object_array(with_pickle(tmp_path / "a.npy", pickled))
    assert read_object_array(saved(tmp_path / "b.npy", objects(ROWS))) == ROWS


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (objects([[0, [1.5]]]), "it contains float, not whole"),
        (objects([[0, "1"]]), "it contains str, not whole"),
        (objects([[0, [[[1]]]]]), "it contains list, not whole"),
        (np.array([0.5]), "it contains float, not whole"),
        (np.array(3), "is one number, not an array"),
        (objects([[0, np.array([0.5])]]), "it has numbers of the type f8"),
    ],
)
def test_arrays_of_something_else_are_refused(tmp_path: Path, rows: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_object_array(saved(tmp_path / "a.npy", rows))


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.npy", objects(ROWS)).read_bytes()
    other = with_pickle(tmp_path / "other.npy", pickle.dumps(objects(ROWS)), (7, 2)).read_bytes()
    for data in (
        b"",
        b"no array",
        whole[:-20],
        whole[:90],
        other,
        whole.replace(b"\x93NUMPY\x01", b"\x93NUMPY\x07"),
    ):
        (tmp_path / "b.npy").write_bytes(data)
        with pytest.raises(UserError, match="is not an array of whole numbers and lists of them"):
            read_object_array(tmp_path / "b.npy")
    with pytest.raises(MissingInputError):
        read_object_array(tmp_path / "none.npy")
