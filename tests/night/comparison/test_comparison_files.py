from __future__ import annotations

import math
from pathlib import Path

import pytest

from pipeline.night.comparison.comparison_files import (
    Measured,
    Shown,
    read_measures,
    read_shown,
    write_compared,
)
from pipeline.runtime.errors import DusklineError, MissingInputError

ROWS = (
    Measured("day", "day", 2, 120.5, 40.25, 1.0, 9.5, 0.25, "", ""),
    Measured("unit", "same", 2, 60.0, 20.0, 0.5, math.inf, 1.0, "d" * 64, ""),
    Measured("unit", "broken, really", 0, None, None, None, None, None, "", "holds\nno weights"),
)
SHOWN = (Shown("images/test/queries/@1@.jpg", "day", "day", "01_00.jpg"),)


def test_both_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_compared(tmp_path, ROWS, SHOWN)
    assert read_measures(tmp_path) == ROWS
    assert read_shown(tmp_path) == SHOWN


def test_numbers_have_four_places(tmp_path: Path) -> None:
    write_compared(tmp_path, [Measured("day", "day", 1, 1 / 3, 2.0, 1.0, None, None, "", "")], [])
    lines = (tmp_path / "measures.csv").read_text().splitlines()
    assert lines[0] == "kind,name,images,brightness,contrast,visible_edges,psnr,ssim,digest,reason"
    assert lines[1] == "day,day,1,0.3333,2.0000,1.0000,,,,"


def test_a_missing_or_other_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"measures\.csv"):
        read_measures(tmp_path)
    (tmp_path / "measures.csv").write_text("name,brightness\na,1\n")
    with pytest.raises(DusklineError, match="has no column kind"):
        read_measures(tmp_path)
