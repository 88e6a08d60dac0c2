"""Growth measured at two small sizes, and what SF-XL comes to by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.growth.__main__ import main
from benchmarks.growth.curve import Curve
from benchmarks.growth.measurements import Measurement, kept
from benchmarks.growth.sf_xl import report
from benchmarks.growth.steps import STEPS


def line(text: str, begins: str) -> list[str]:
    found = next(row for row in text.splitlines() if row.startswith(f"| {begins}"))
    return [cell.strip() for cell in found.strip("| ").split(" | ")]


def test_sf_xl_follows_from_what_was_measured() -> None:
    def growth(seconds: float, held: int) -> Curve:
        points = ((n, n * seconds, 10**8 + n * held) for n in (10_000, 100_000))
        return Curve(tuple(Measurement("", n, took, took, peak) for n, took, peak in points))

    one = report(dict.fromkeys(STEPS, growth(1e-4, 1000)))
    other = report(dict.fromkeys(STEPS, growth(2e-4, 3000)))
    assert line(one, "memory: merge")[1:] == ["2.90 GB", "41.3 GB"]
    assert line(other, "memory: merge")[1:] == ["8.50 GB", "124 GB"]
    nothing = "`dvc repro` with nothing to do"
    assert (line(one, nothing)[1], line(other, nothing)[1]) == ("6 min", "12 min")
    # 2.8 M x 16,384 numbers x 4 bytes; 122 GB and 2.8 M x 70 kB at 117 MB/s are less than 5.6 M requests.
    assert line(one, "descriptors, NetVLAD")[1] == "184 GB"
    assert line(one, "push to or pull from S3")[1] == "5.60 h"


def test_without_anything_measured_there_is_no_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "none.jsonl")])
    assert result.exit_code == 2
    assert "nothing was measured yet" in result.output


@pytest.mark.slow
def test_every_step_is_measured_at_both_sizes(tmp_path: Path) -> None:
    out = tmp_path / "growth.jsonl"
    arguments = ["--images", "40", "--images", "80", "--out", str(out)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = kept(out)
    assert [(one.step, one.images) for one in found] == [(step, size) for step in STEPS for size in (40, 80)]
    assert all(one.seconds > 0 and one.peak > 10 * 2**20 for one in found)
    assert CliRunner().invoke(main, ["--sf-xl", "--out", str(out)]).output.count("| search, 1,000") == 2
