"""What walking through a page notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Block
from tests.docs.walk import Walk, expect, merged
from tests.end_to_end.project import Project


def shown(text: str) -> Block:
    return Block("text", text, "output", "docs/made_up.md:1")


def commands(text: str, mark: str = "run") -> Block:
    return Block("sh", text, mark, "docs/made_up.md:1")


def test_output_may_differ_in_numbers_blanks_and_what_is_left_out() -> None:
    expect(
        shown("city   44 images ... in 0.5 s\n...\nlast\n"), "first\ncity 1,200 images (all) in 12 s\nlast\n"
    )


@pytest.mark.parametrize("text", ["no such line\n", "two\none\n", "one\none\n", "on\n"])
def test_output_that_was_not_printed_or_in_another_order_is_noticed(text: str) -> None:
    with pytest.raises(AssertionError, match=r"docs/made_up\.md:1: not printed"):
        expect(shown(text), "one\ntwo\n")


def test_a_command_that_fails_is_noticed_wherever_it_stands(tmp_path: Path) -> None:
    walk = Walk(Project(tmp_path))
    assert walk.run(commands("echo one\necho two\n")) == "one\ntwo\n"
    with pytest.raises(AssertionError, match="ended with 1"):
        walk.run(commands("false\ntrue\n"))
    with pytest.raises(AssertionError, match="ended with 0"):
        walk.run(commands("true\n", "run, ending with 2"))
    assert (
        walk.run(commands("read -r said; echo $said; exit 3\n", "run, answering yes, ending with 3"))
        == "yes\n"
    )


def test_commands_run_in_the_folder_that_the_mark_names(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert Walk(Project(tmp_path)).run(commands("pwd\n", "run in other")) == f"{tmp_path}/other\n"


def test_parameters_are_written_between_those_that_are_there() -> None:
    one = {"train": {"day": {"lr": 1, "seed": 0}}, "test_sets": ["a"]}
    other = {"train": {"day": {"seed": 1}, "night": {}}, "test_sets": ["a", "b"]}
    both = {"train": {"day": {"lr": 1, "seed": 1}, "night": {}}, "test_sets": ["a", "b"]}
    assert merged(one, other) == both
