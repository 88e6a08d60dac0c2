from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.image_io import open_rgb
from pipeline.runtime.errors import BadImageError
from pipeline.runtime.image_check import refuse_unreadable, unreadable


def test_each_that_cannot_be_read_has_its_reason(tmp_path: Path) -> None:
    for name in ("good.png", "cut.png"):
        Image.effect_noise((40, 40), 60).save(tmp_path / name)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-200])
    reads = {name: partial(open_rgb, tmp_path / name) for name in ("good.png", "gone.png", "cut.png")}
    reads["bytes"] = (tmp_path / "absent").read_bytes  # type: ignore[assignment]
    found = unreadable(reads, threads=3)
    assert list(found) == ["gone.png", "cut.png", "bytes"]
    assert found["gone.png"] == f"{tmp_path / 'gone.png'}: no such file"
    assert "truncated" in found["cut.png"]
    assert found["bytes"] == f"{tmp_path / 'absent'}: cannot be read (No such file or directory)"
    with pytest.raises(BadImageError, match="3 images cannot be used for training") as error:
        refuse_unreadable(found.values(), "fix them")
    assert all(reason in error.value.message for reason in found.values())
    refuse_unreadable([], "nothing to fix")
