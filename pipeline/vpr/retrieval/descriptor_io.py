"""Descriptors as files: NumPy arrays written piece by piece and read as memory maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from pipeline.core.files import atomic_write, fsync

# Descriptors that are read at once: 256 MiB with 16,384 dimensions.
PIECE = 4096


def in_pieces(descriptors: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of `descriptors`, `PIECE` at a time, so that a memory map is not held as a whole."""
    for start in range(0, len(descriptors), PIECE):
        yield descriptors[start : start + PIECE]


def write_descriptors(path: Path, count: int, pieces: Iterable[np.ndarray]) -> None:
    """Write `count` descriptors atomically to `path` (npy, float32).

    They come in `pieces`, (n, ...) each, of which one is held at a time. The file is on the disk when this
    returns, so a crash of the machine cannot leave a file of the right size full of zeros.
    """
    with atomic_write(path) as stream:
        for number, piece in enumerate(pieces):
            if number == 0:
                shape = (count, *piece.shape[1:])
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(stream, header)
            stream.write(np.ascontiguousarray(piece, "<f4").data)
        fsync(stream)


def read_descriptors(path: Path, count: int) -> np.ndarray | None:
    """The `count` descriptors in `path` as a read-only memory map; None without a complete file."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = found.ndim >= 2 and len(found) == count and found.dtype == np.float32
    return found if whole else None
