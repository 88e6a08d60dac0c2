from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.fetching.checksums import Pin, read_pins, verify_checksum
from pipeline.runtime.errors import UserError

ONE = Pin("pitts30k", "000.tar", "a" * 64, 10)
TWO = Pin("city", "x.tar", "b" * 64, 20)


def test_the_first_use_pins_and_later_ones_compare(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.csv"
    assert read_pins(pinned) == {}
    assert verify_checksum(pinned, ONE) is True
    assert verify_checksum(pinned, TWO) is True
    assert verify_checksum(pinned, ONE) is False
    assert pinned.read_text() == (
        f"source,name,sha256,size\ncity,x.tar,{'b' * 64},20\npitts30k,000.tar,{'a' * 64},10\n"
    )


def test_another_file_under_a_pinned_name_is_refused_and_the_list_unchanged(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.csv"
    verify_checksum(pinned, ONE)
    before = pinned.read_bytes()
    with pytest.raises(UserError) as caught:
        verify_checksum(pinned, Pin("pitts30k", "000.tar", "c" * 64, 11))
    message = str(caught.value)
    assert "000.tar of pitts30k is not the expected file" in message
    assert f"has SHA-256 {'a' * 64}, found {'c' * 64} (11 bytes)" in message
    assert "remove its line from" in message
    assert pinned.read_bytes() == before


def test_a_published_digest_is_not_pinned_and_wins(tmp_path: Path) -> None:
    pinned = tmp_path / "pinned.csv"
    assert verify_checksum(pinned, ONE, published="a" * 64) is False
    assert not pinned.exists()
    with pytest.raises(UserError, match=r"its authors published SHA-256 d{64}, found a{64}"):
        verify_checksum(pinned, ONE, published="d" * 64)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (f"a,b,{'a' * 64},many\n", "pinned.csv:2: size must be a whole number, not 'many'"),
        (f"a,b,{'a' * 64},1\na,b,{'b' * 64},1\n", "pinned.csv:3: a b is pinned twice"),
        (f"\n\na,b,{'a' * 64},many\n", "pinned.csv:4: size must be a whole number, not 'many'"),
    ],
)
def test_a_broken_list_is_named_with_its_line(tmp_path: Path, lines: str, message: str) -> None:
    pinned = tmp_path / "pinned.csv"
    pinned.write_text("source,name,sha256,size\n" + lines)
    with pytest.raises(UserError, match=message):
        read_pins(pinned)
