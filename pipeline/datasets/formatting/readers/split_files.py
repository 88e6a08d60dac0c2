"""NetVLAD's `.mat` split files: which images belong to a dataset, and where they were taken."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from scipy.io import loadmat

from pipeline.datasets.archives.archive_members import members
from pipeline.datasets.archives.local_archives import how_to_bring
from pipeline.datasets.formatting.readers.raw_files import RawFiles
from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.runtime.errors import BadArchiveError, MissingInputError, NameFormatError

SPLIT_ARCHIVE = "netvlad_v100_datasets.tar.gz"
_VARIABLE = "dbStruct"
# The fields have a fixed order: which set, database names, their UTM, query names, their UTM, ...
_NAMES_FIELD = {"database": 1, "queries": 3}


@dataclass(frozen=True)
class Listing:
    """Image names as the split file spells them, and their UTM positions in metres: (N, 2) float64."""

    names: tuple[str, ...]
    positions: np.ndarray


def read_split_file(raw: RawFiles, file_name: str, roles: tuple[str, ...]) -> dict[str, Listing]:
    """Read the listings of `roles` from a split file, which is a file in `raw` or in the authors' archive.

    Raises `MissingInputError` if neither is there, and `BadArchiveError` if the file cannot be read or does
    not have as many names as positions.
    """
    data, label = _find(raw, file_name)
    struct = _load(data, label)
    return {role: _listing(struct, role, label) for role in roles}


def listed_name(east: float, north: float, zone: tuple[int, str], details: Details, where: str) -> str:
    """Return the common name at a listed UTM position (m); `BadArchiveError` says `where` it is invalid."""
    try:
        return name_at_utm(east, north, *zone, details).encode()
    except NameFormatError as error:
        raise BadArchiveError(f"{where}: {error.message}") from error


def _find(raw: RawFiles, file_name: str) -> tuple[bytes, str]:
    held = raw.files
    if file_name in held:
        return held[file_name].read_bytes(), str(held[file_name])
    archive = held.get(SPLIT_ARCHIVE)
    if archive is None:
        raise MissingInputError(
            f"no split file {file_name} in {raw.folder}, neither as a file nor in {SPLIT_ARCHIVE}",
            hint=f"get {SPLIT_ARCHIVE} (2 MB, from the authors of NetVLAD); {how_to_bring(raw.folder)}",
        )
    for member in members(archive, lambda name: name.rpartition("/")[2] == file_name):
        return member.read(), member.label
    raise BadArchiveError(f"{archive} contains no {file_name}", hint="download it again")


def _load(data: bytes, label: str) -> tuple[object, ...]:
    try:
        variables = loadmat(io.BytesIO(data))
    except Exception as error:
        # scipy raises many kinds of errors on a damaged file.
        raise BadArchiveError(
            f"{label} cannot be read as a MATLAB file ({type(error).__name__}: {error})",
            hint="download the split files again",
        ) from error
    if _VARIABLE not in variables:
        found = ", ".join(sorted(name for name in variables if not name.startswith("__"))) or "nothing"
        raise BadArchiveError(f"{label} has no variable {_VARIABLE} (it has {found})")
    struct = variables[_VARIABLE]
    if struct.dtype.names is None or struct.size != 1 or len(struct.dtype.names) < 5:
        raise BadArchiveError(
            f"{label}: {_VARIABLE} is not one struct of at least 5 fields but {struct.dtype} {struct.shape}"
        )
    return tuple(struct.item())


def _listing(struct: tuple[object, ...], role: str, label: str) -> Listing:
    field = _NAMES_FIELD[role]
    cells, utm = np.asarray(struct[field]), np.asarray(struct[field + 1])
    names = tuple(_text(cell) for cell in cells.ravel()) if cells.dtype == object else ()
    if not names or None in names:
        raise BadArchiveError(
            f"{label}: field {field + 1} of {_VARIABLE} is not a cell of {role} image names"
        )
    if utm.shape != (2, len(names)) or utm.dtype.kind not in "fiu":
        raise BadArchiveError(
            f"{label}: {len(names)} {role} images need positions of shape (2, {len(names)}), "
            f"found {utm.shape} of {utm.dtype}"
        )
    positions = utm.T.astype(np.float64)
    if not np.isfinite(positions).all():
        raise BadArchiveError(f"{label}: positions of {role} images are not all finite numbers")
    return Listing(tuple(str(name) for name in names), positions)


def _text(cell: object) -> str | None:
    array = np.asarray(cell)
    return str(array.item()) if array.dtype.kind == "U" and array.size == 1 else None
