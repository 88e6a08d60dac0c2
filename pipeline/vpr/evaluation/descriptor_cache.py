"""Database descriptors, kept in the work store: a database that test sets share is described once.

    <root>/<key>.npy     the descriptors
    <root>/<key>.lock    empty; locked by the runs that use them, and last changed when one of them started

The key is a digest of everything that the descriptors depend on. Losing the store only costs time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import torch
import torchvision

from pipeline.core.code_digest import code_digest
from pipeline.core.files import digest_document
from pipeline.core.image_formats import decoders
from pipeline.vpr.retrieval.descriptor_io import read_descriptors, write_descriptors

# Bytes. With NetVLAD the databases of the paper's test sets take 3.3 GB for one experiment (sf-xs 1.8,
# tokyo-xs 0.8, Pitts30k 0.7), so test sets that share a database are evaluated before its descriptors are
# removed; and a disk with these datasets has room for this much.
LIMIT = 20 * 2**30

# Rooms of the code that computes descriptors; the store outlives changes of it.
ROOMS = (
    *("pipeline/compute/device", "pipeline/compute/distributed", "pipeline/core"),
    *("pipeline/datasets/image_set", "pipeline/vpr/evaluation"),
    *("pipeline/vpr/experiments", "pipeline/vpr/inputs", "pipeline/vpr/models", "pipeline/vpr/retrieval"),
)


def describing_digest() -> str:
    """Digest of the code that computes descriptors, and of the versions of its libraries."""
    libraries = (torch.__version__, torchvision.__version__, decoders(), np.__version__)
    return digest_document([code_digest(ROOMS), *libraries])


class DescriptorCache:
    """The store at `root`, trimmed to `limit` bytes when no run uses it."""

    def __init__(self, root: Path, limit: int = LIMIT) -> None:
        self.root = root
        self.limit = limit

    @contextlib.contextmanager
    def opened(
        self, of: Mapping[str, object], count: int, describe: Callable[[], Iterable[np.ndarray]]
    ) -> Iterator[np.ndarray]:
        """Give the `count` descriptors with the key `of`, as a memory map, for the length of the block.

        If the store does not have them, `describe` computes them, in pieces; a second run that needs the same
        waits for the first. Afterwards the least recently used ones are removed down to the limit.
        """
        key = digest_document(of)[:32]
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with self._lock(key).open("w") as lock:
                os.utime(lock.fileno())
                yield self._shared(key, count, describe, lock)
        finally:
            self._trim()

    def _shared(
        self, key: str, count: int, describe: Callable[[], Iterable[np.ndarray]], lock: IO[str]
    ) -> np.ndarray:
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            found = read_descriptors(self._file(key), count)
            if found is not None:
                return found
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another run may have written them while we waited.
            if read_descriptors(self._file(key), count) is None:
                self._sweep(key)
                write_descriptors(self._file(key), count, describe())

    def _trim(self) -> None:
        locks = sorted(self.root.glob("*.lock"), key=lambda lock: (lock.stat().st_mtime_ns, lock.name))
        excess = sum(map(_size, self.root.glob("*.npy"))) - self.limit
        for lock in locks:
            with lock.open("r") as stream, contextlib.suppress(BlockingIOError):
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._sweep(lock.stem)
                file = self._file(lock.stem)
                if excess > 0 and file.is_file():
                    excess -= file.stat().st_size
                    file.unlink()

    def _sweep(self, key: str) -> None:
        """Remove partial files of killed runs; the lock says that no other run is writing."""
        for part in self.root.glob(f".{self._file(key).name}.*.part"):
            part.unlink()

    def _file(self, key: str) -> Path:
        return self.root / f"{key}.npy"

    def _lock(self, key: str) -> Path:
        return self.root / f"{key}.lock"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # another run has just removed it
