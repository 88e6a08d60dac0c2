"""Tars, zips and `.mat` split files whose bytes depend on content alone: no clock, owner or platform."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy.io import savemat

# A member is a POSIX name inside the archive and its bytes.
Member = tuple[str, bytes]

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAT_HEADER = b"MATLAB 5.0 MAT-file, written by duskline"
_MAT_HEADER_BYTES = 116


def write_tar(target: Path, members: Iterable[Member]) -> int:
    """Write members in the order given, as they come (one in memory at a time); return how many."""
    with (
        target.open("xb") as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        return _add_to_tar(tar, members)


def write_tar_gz(target: Path, members: Iterable[Member]) -> int:
    """Like `write_tar`, compressed, without the name and time that gzip otherwise records."""
    with (
        target.open("xb") as stream,
        gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        return _add_to_tar(tar, members)


def write_zip(target: Path, members: Iterable[Member]) -> int:
    """Write members in the order given, stored (pictures do not shrink); return how many."""
    count = 0
    with target.open("xb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as packed:
        for name, data in members:
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            # Otherwise the byte says on which system the archive was made.
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            packed.writestr(info, data)
            count += 1
    return count


def _add_to_tar(tar: tarfile.TarFile, members: Iterable[Member]) -> int:
    count = 0
    for name, data in members:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        tar.addfile(info, io.BytesIO(data))
        count += 1
    return count


def split_file(
    which: str,
    database: Mapping[str, tuple[float, float]],
    queries: Mapping[str, tuple[float, float]],
    distances: tuple[float, float, float],
) -> bytes:
    """Return a NetVLAD-style `.mat`: the struct `dbStruct` of image names (cells) and UTM positions (2xN, m).

    `database` and `queries` map image names to (east, north); `distances` are posDistThr (m), posDistSqThr
    and nonTrivPosDistSqThr (m²). The fields stand in the order of the published split files.
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
