"""Tars, zips and `.mat` split files whose bytes depend only on content: no clock, owner or platform."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from scipy.io import savemat

# A member is a POSIX name inside the archive and its bytes.
Member = tuple[str, bytes]
Add = Callable[[str, bytes], None]

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAT_HEADER = b"MATLAB 5.0 MAT-file, written by duskline"
_MAT_HEADER_BYTES = 116


@contextlib.contextmanager
def new_archive(target: Path) -> Iterator[Add]:
    """Make a new `.tar`, `.tar.gz` or `.zip`; yields the function that adds a member at its end."""
    with target.open("xb") as stream:
        if target.suffix == ".zip":
            # Images are already compressed.
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
                yield partial(_add_to_zip, packed)
        elif target.suffix == ".gz":
            # Without the name and time that gzip would record.
            with (
                gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as unpacked,
                _tar(unpacked) as tar,
            ):
                yield partial(_add_to_tar, tar)
        else:
            with _tar(stream) as tar:
                yield partial(_add_to_tar, tar)


def _tar(stream: BinaryIO | gzip.GzipFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT)


def _add_to_tar(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))
    # Otherwise tarfile keeps a list of all members.
    tar.members = []  # type: ignore[attr-defined]


def _add_to_zip(packed: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _ZIP_EPOCH)
    # Otherwise this byte depends on the system.
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    packed.writestr(info, data)


def split_file(
    which: str,
    database: Mapping[str, tuple[float, float]],
    queries: Mapping[str, tuple[float, float]],
    distances: tuple[float, float, float],
) -> bytes:
    """Return a NetVLAD-style `.mat`: the struct `dbStruct` of image names (cells) and UTM positions (2xN, m).

    `database` and `queries` map image names to (east, north); `distances` are posDistThr (m), posDistSqThr
    and nonTrivPosDistSqThr (m²). The fields have the order of the published split files.
    """
    fields = {
        "whichSet": which,
        "dbImageFns": _cell(database),
        "utmDb": _positions(database),
        "qImageFns": _cell(queries),
        "utmQ": _positions(queries),
        "numImages": float(len(database)),
        "numQueries": float(len(queries)),
        "posDistThr": distances[0],
        "posDistSqThr": distances[1],
        "nonTrivPosDistSqThr": distances[2],
    }
    stream = io.BytesIO()
    savemat(stream, {"dbStruct": fields}, oned_as="column")
    # scipy writes the date and the platform into the text of the header.
    return _MAT_HEADER.ljust(_MAT_HEADER_BYTES) + stream.getvalue()[_MAT_HEADER_BYTES:]


def _cell(names: Iterable[str]) -> np.ndarray:
    listed = list(names)
    cell = np.empty((len(listed), 1), dtype=object)
    cell[:, 0] = listed
    return cell


def _positions(points: Mapping[str, tuple[float, float]]) -> np.ndarray:
    return np.array(list(points.values()), dtype=np.float64).reshape(-1, 2).T
