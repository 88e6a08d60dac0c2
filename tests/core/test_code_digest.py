"""The digest of code: what changes it, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core import code_digest as module
from pipeline.core.code_digest import code_digest

CODE = '''"""A loss."""

from math import sqrt


class Loss:
    """Of two numbers."""

    weight: float = 0.5

    def __call__(self, one: float, /, *others: float, name: str = "") -> float:
        """Their distance."""
        match others:
            case [other, *_] if name:
                print(f"{name!r:>{4}} {one=} {one:>{4}}")
                return sqrt(self.weight * (one - other) ** 2)  # not squared
        return -1.0
'''


@pytest.fixture
def loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only module of the room "room", in the room "losses" within."""
    path = tmp_path / "room" / "losses" / "loss.py"
    path.parent.mkdir(parents=True)
    path.write_text(CODE)
    monkeypatch.setattr(module, "SOURCE", tmp_path)
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""A loss."""\n', ""),
        ("Their distance.", "How far they are apart."),
        ('"""Of two numbers."""', "'Of three.'"),
        ("  # not squared", ""),
        ("from math", "# Of the library.\nfrom math"),
        ("self.weight * (one - other) ** 2", "\n    self.weight\n    * ((one - other) ** 2)\n"),
        ("0.5", "0.50"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(loss: Path, before: str, after: str) -> None:
    assert before in CODE
    known = code_digest(["room"])
    loss.write_text(CODE.replace(before, after))
    assert code_digest(["room"]) == known


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.5", "0.25"),
        ("one - other", "one + other"),
        ("weight", "factor"),
        ('name: str = ""', 'name: str = "x"'),
        ("-1.0", "None"),
        ("return -1.0", 'return "-1.0"'),
        ("one: float, /", "one: float"),
        ("{4}", "{5}"),
    ],
)
def test_code_counts(loss: Path, before: str, after: str) -> None:
    assert before in CODE
    known = code_digest(["room"])
    loss.write_text(CODE.replace(before, after))
    assert code_digest(["room"]) != known


def test_names_of_modules_and_further_modules_count(loss: Path) -> None:
    known = code_digest(["room"])
    renamed = loss.rename(loss.with_name("other.py"))
    assert code_digest(["room"]) != known
    renamed.rename(loss)
    assert code_digest(["room"]) == known
    (loss.parents[1] / "added.py").write_text("")
    assert code_digest(["room"]) != known


def test_it_is_the_same_in_every_version_of_python_and_in_every_place(loss: Path) -> None:
    assert code_digest(["room"]) == "af809ccc045bebe3e34c28cba63317c86d378de6dd61ef8a5c8056fcadbf2f27"


def test_a_room_that_was_moved_away_is_refused(loss: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no module in .*gone"):
        code_digest(["room", "gone"])


def test_parsing_all_of_the_project_takes_a_moment() -> None:
    assert len(code_digest(["pipeline", "unit"])) == 64
