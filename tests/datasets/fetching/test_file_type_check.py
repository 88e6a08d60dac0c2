from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.fetching.file_type_check import require_archive, require_checkpoint
from pipeline.runtime.errors import BadArchiveError, CheckpointError
from tests.datasets.raw_forms import write_tar, write_zip

UNIT = Path(__file__).parents[2] / "data" / "unit"


@pytest.mark.parametrize("name", ["gen_dim8.pt", "gen_dim8_legacy03.pt", "dis_dim8.pt"])
def test_checkpoints_old_and_new(name: str) -> None:
    require_checkpoint(UNIT / name)


@pytest.mark.parametrize("name", ["gen_dim8.pt", "facts.json", "input1_160x120.jpg", "input1_io.npz"])
def test_other_files_are_none(tmp_path: Path, name: str) -> None:
    cut = tmp_path / "cut.pt"
    cut.write_bytes((UNIT / name).read_bytes()[:-100])
    with pytest.raises(
        CheckpointError, match=r"cut\.pt is not a PyTorch checkpoint but a file that begins with"
    ):
        require_checkpoint(cut)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.zip"])
def test_archives(tmp_path: Path, name: str) -> None:
    content = {"000/a.jpg": b"picture", "000/b.jpg": b"another"}
    if name.endswith(".zip"):
        path = write_zip(tmp_path / name, content)
    else:
        path = write_tar(tmp_path / name, content, "w" if name == "a.tar" else "w:gz")
    require_archive(path)
    path.write_bytes(path.read_bytes()[: 600 if name == "a.tar" else -12])
    with pytest.raises(BadArchiveError, match=name):
        require_archive(path)


def test_an_archive_without_files_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadArchiveError, match=r"a\.tar contains no files"):
        require_archive(write_tar(tmp_path / "a.tar", {}))
