from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.retrieval import descriptor_io
from pipeline.vpr.retrieval.descriptor_io import in_pieces, read_descriptors, write_descriptors

ROWS = np.random.default_rng(1).normal(size=(11, 6)).astype(np.float32)


@pytest.mark.parametrize("shape", [(11, 6), (11, 2, 3)])
def test_pieces_make_the_file_that_numpy_would_write(
    tmp_path: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptor_io, "PIECE", 4)
    whole = ROWS.reshape(shape)
    write_descriptors(tmp_path / "d.npy", 11, in_pieces(whole))
    plain = io.BytesIO()
    np.save(plain, whole)
    assert (tmp_path / "d.npy").read_bytes() == plain.getvalue()
    found = read_descriptors(tmp_path / "d.npy", 11)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, whole)
    assert not found.flags.writeable


def test_what_breaks_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield ROWS[:4]
        raise DusklineError("an image is broken")

    with pytest.raises(DusklineError, match="an image is broken"):
        write_descriptors(tmp_path / "d.npy", 11, breaking())
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_whole_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    assert read_descriptors(path, 11) is None
    write_descriptors(path, 11, [ROWS])
    assert read_descriptors(path, 12) is None
    data = path.read_bytes()
    for size in (0, 5, 100, len(data) - 1):
        path.write_bytes(data[:size])
        assert read_descriptors(path, 11) is None
    for other in (ROWS.astype(np.float64), ROWS[:, 0], np.array([{}] * 11)):
        np.save(path, other, allow_pickle=True)
        assert read_descriptors(path, 11) is None
