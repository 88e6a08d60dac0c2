from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.night.records.summary import NightSummary, Reason, check_share, reasons_of
from pipeline.runtime.errors import DusklineError, ParameterError

LISTING = Path("list.csv")


def summary(images: int, *failures: tuple[str, str]) -> NightSummary:
    return NightSummary(images, 3, 2.0, reasons_of(failures))


def test_reasons_are_grouped_whatever_their_numbers_commonest_first() -> None:
    found = reasons_of(
        [
            ("c", "truncated (12 bytes)"),
            ("b", "empty"),
            ("a", "truncated (9 bytes)"),
            ("d", "9000x9,000 pixels"),
        ]
    )
    assert found == (
        Reason("truncated (9 bytes)", 2, "a"),
        Reason("9000x9,000 pixels", 1, "d"),
        Reason("empty", 1, "b"),
    )


def test_a_run_without_failures_is_one_line() -> None:
    assert str(summary(1200)) == "1,200 nights (3 newly translated at 1.5 images/s)"
    assert str(NightSummary(5, 0, 0.0, ())) == "5 nights (0 newly translated)"


def test_failures_are_a_table_below_the_line() -> None:
    text = str(summary(1200, ("a", "empty"), ("b", "empty")))
    first, second = text.rstrip("\n").split("\n")
    assert first == "1,198 nights (3 newly translated at 1.5 images/s), 2 failed:"
    assert second.split() == ["2", "empty", "(first:", "a)"]


def test_a_long_table_is_cut() -> None:
    long = summary(100, *[(str(number), "x" * (number + 1)) for number in range(25)])
    assert long.failed == 25
    assert len(long.table().splitlines()) == 21
    assert long.table().endswith("and 5 more kinds")


@pytest.mark.parametrize(
    ("failed", "images", "allowed"), [(0, 10, 0.0), (1, 10, 0.1), (3, 10, 0.3), (29, 100, 0.29), (10, 10, 1)]
)
def test_a_share_within_its_limit_is_accepted(failed: int, images: int, allowed: float) -> None:
    summary(images, *[(str(n), "empty") for n in range(failed)]).require(allowed, LISTING)


@pytest.mark.parametrize(("failed", "images", "allowed"), [(1, 10, 0.0), (2, 10, 0.1), (1, 10**6, 0.0)])
def test_a_share_beyond_its_limit_is_an_error_with_the_table(
    failed: int, images: int, allowed: float
) -> None:
    with pytest.raises(DusklineError) as caught:
        summary(images, *[(str(n), "empty") for n in range(failed)]).require(allowed, LISTING)
    assert f"{failed} of {images:,} images have no night" in caught.value.message
    assert f"allowed share of {allowed:g}" in caught.value.message
    assert "empty  (first: 0)" in caught.value.message
    assert "list.csv" in caught.value.hint
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        check_share(share)
