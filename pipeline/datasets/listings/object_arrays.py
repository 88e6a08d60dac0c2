"""Arrays of numbers and lists in .npy files, read without running what a pickle asks for.

NumPy stores arrays of Python objects as a pickle, and a pickle may call any function while it is read. Here
the few calls that rebuild arrays and numbers get stand-ins that only store their arguments, and any other
call raises an error that names it.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.core.files import require_file
from pipeline.runtime.errors import UserError

# A whole number, or nested lists of whole numbers.
Numbers = int | list[Any]

_HEADERS: dict[tuple[int, int], Callable[[BinaryIO], tuple[Any, ...]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# An array, its rows, their lists: deeper values are not read.
_DEEPEST = 3
_DAMAGE = (
    *(pickle.UnpicklingError, ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError),
    *(OverflowError, MemoryError, ImportError, RecursionError),
)
_HINT = "get it again from the authors of the dataset; nothing in it was run"


def read_object_array(path: Path) -> list[Numbers]:
    """The rows of an array of whole numbers and lists of them, as plain lists.

    Raises `MissingInputError` if there is no file, and `UserError` if it is not such an array, or if its
    pickle needs anything but arrays, lists and numbers.
    """
    require_file(path)
    with path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            if version not in _HEADERS:
                raise ValueError(f"its version is {version[0]}.{version[1]}")
            shape, _, dtype = _HEADERS[version](stream)
            if not dtype.hasobject:
                stream.seek(0)
                read = np.load(stream, allow_pickle=False).tolist()
            else:
                read = _ArrayUnpickler(stream, encoding="latin1").load()
                if not isinstance(read, _Array) or read.shape != shape:
                    raise ValueError("its pickle does not match its header")
            rows = _plain(read)
        except _RefusedCallError as error:
            raise UserError(
                f"{path} would run {error} when it is read, which an array of numbers and lists never does",
                hint=_HINT,
            ) from error
        except _DAMAGE as error:
            raise UserError(
                f"{path} is not an array of whole numbers and lists of them: {error}", hint=_HINT
            ) from error
    if not isinstance(rows, list):
        raise UserError(f"{path} is one number, not an array", hint=_HINT)
    return rows


class _RefusedCallError(Exception):
    """A pickle calls what is not allowed; the text is its name."""


class _Dtype:
    """A type of numbers, as a pickle describes it."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = code
        self.order = "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def numbers(self, data: bytes | str) -> list[int]:
        if self.code[:1] not in ("i", "u"):
            raise ValueError(f"it has numbers of the type {self.code}")
        # Python 2 wrote bytes as text.
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, np.dtype(self.order + self.code)).tolist()


class _Array:
    """An array, as a pickle describes it: its shape, and its values row by row."""

    def __init__(self, *_: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.values: list[Any] = []

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, dtype, by_columns, data = state
        self.values = data if isinstance(data, list) else dtype.numbers(data)
        if len(self.values) != math.prod(self.shape):
            raise ValueError(f"{len(self.values)} values for the shape {self.shape}")
        # Numbers are stored as in memory, objects always row by row.
        if by_columns and not isinstance(data, list):
            self.values = np.array(self.values).reshape(self.shape, order="F").ravel().tolist()

    def rows(self) -> list[Any]:
        rows = self.values
        for length in reversed(self.shape[1:]):
            rows = [rows[first : first + length] for first in range(0, len(rows), max(1, length))]
        return rows


def _scalar(dtype: _Dtype, data: bytes | str) -> int:
    [number] = dtype.numbers(data)
    return number


def _encoded(text: str, _encoding: str) -> bytes:
    """Bytes, as Python 3 writes them for Python 2."""
    return text.encode("latin1")


_STAND_INS: dict[str, Callable[..., Any]] = {
    f"{module}.{name}": made
    for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
    for name, made in (("_reconstruct", _Array), ("scalar", _scalar), ("ndarray", _Array), ("dtype", _Dtype))
} | {"_codecs.encode": _encoded}


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the stand-ins and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        asked = f"{module}.{name}"
        if asked not in _STAND_INS:
            raise _RefusedCallError(asked)
        # A new object each time, because a pickle may set its attributes.
        return partial(_STAND_INS[asked])


def _plain(value: object, depth: int = 0) -> Numbers:
    if isinstance(value, _Array):
        value = value.rows()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)) and depth < _DEEPEST:
        return [_plain(one, depth + 1) for one in value]
    raise ValueError(f"it contains {type(value).__name__}, not whole numbers and lists of them")
