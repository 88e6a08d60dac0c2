from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from pipeline.runtime.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_items_come_through_unchanged_and_one_by_one() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(5):
            taken.append(number)
            yield number

    shown = progress(items(), total=5, label="draw")
    assert taken == []
    assert next(shown) == 0
    assert taken == [0]
    assert list(shown) == [1, 2, 3, 4]


def test_it_is_silent_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(100), label="draw")) == [*range(100)]
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_label_count_and_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(progress(range(3), total=3, label="draw", unit="street")) == [0, 1, 2]
    assert "draw" in screen.getvalue()
    assert "/3" in screen.getvalue()
    assert "street" in screen.getvalue()


def test_an_error_of_the_items_comes_through() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(progress(items()))
