"""What help says: on one screen, of every option, with unit and range, and nothing that is not checked."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time

import click
import pytest
import yaml
from click.testing import CliRunner

from stages.cli import COMMANDS, STAGES, main
from stages.options import Number
from tests.import_graph import ROOT
from tests.stage_rooms import DVC_YAML
from tests.stages.commands import all_commands, all_options

OPTIONS = all_options()
NUMBERS = [(words, option) for words, option in OPTIONS if isinstance(option.type, Number)]


def help_of(*words: str) -> str:
    # As on a terminal of 80 columns, of which click leaves two.
    result = CliRunner().invoke(main, [*words, "--help"], prog_name="duskline", terminal_width=78)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("words", [(), ("stage",)])
def test_it_is_on_one_screen(words: tuple[str, ...]) -> None:
    lines = help_of(*words).splitlines()
    assert len(lines) <= 34
    assert max(map(len, lines)) <= 80


def test_it_tells_what_it_is_what_to_type_first_and_where_the_docs_are() -> None:
    said = help_of()
    assert "Build place-recognition datasets, make night images" in said
    first = [said.index(words) for words in ("dvc repro ", "duskline results ", "duskline translate IN OUT")]
    assert first == sorted(first)
    assert first[-1] < said.index("docs/README.md") < said.index("Data:")


def test_commands_stand_under_what_they_are_for() -> None:
    said = help_of()
    places = [said.index(f"\n{title}:\n") for title in COMMANDS]
    assert places == sorted(places)
    for section in COMMANDS.values():
        for name, (_, meaning) in section.items():
            assert f"  {name} " in said
            assert meaning in said


def test_stages_stand_in_the_order_of_the_journey() -> None:
    listed = [name for section in STAGES.values() for name in section]
    said = help_of("stage")
    places = [said.index(f"\n  {name} ") for name in listed]
    assert places == sorted(places)
    assert set(listed) == set(yaml.safe_load(DVC_YAML.read_text())["stages"])


def test_help_is_instant_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from stages.cli import main; main(['--help'], standalone_mode=False);"
        "print(sorted({'torch', 'dvc', 'numpy', 'tqdm', 'yaml', 'cv2'} & set(sys.modules)), file=sys.stderr)"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    # A tenth of that with nothing else running.
    assert time.monotonic() - begun < 5
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(("words", "command"), all_commands(), ids=[words for words, _ in all_commands()])
def test_every_command_says_what_it_does(words: str, command: click.Command) -> None:
    assert command.help, words
    assert len(command.help.split()) >= 4, words
    assert command.help.strip()[0].isupper()


@pytest.mark.parametrize(("words", "option"), OPTIONS, ids=[words for words, _ in OPTIONS])
def test_every_option_has_a_help_text(words: str, option: click.Option) -> None:
    assert option.help, words
    text = option.help.removesuffix(f" [{getattr(option.type, 'words', '')}]")
    assert len(text.split()) >= 3, f"{words}: {text}"
    assert text[0].isupper() or text[0] in "\"'", f"{words}: {text}"
    assert text.endswith("."), f"{words}: {text}"


@pytest.mark.parametrize(("words", "option"), OPTIONS, ids=[words for words, _ in OPTIONS])
def test_a_number_is_of_a_type_whose_range_is_printed(words: str, option: click.Option) -> None:
    kinds = (click.types.IntParamType, click.types.FloatParamType)
    assert not isinstance(option.type, kinds), f"{words} has no range; make it by stages/options.py"
    if isinstance(option.type, Number):
        assert option.help is not None
        assert option.help.endswith(f"[{option.type.words}]"), words
        assert option.type.allowed.words, words


def test_there_are_numbers_among_them() -> None:
    assert len(NUMBERS) > 40


@pytest.mark.parametrize(("words", "option"), NUMBERS, ids=[words for words, _ in NUMBERS])
def test_what_a_number_promises_is_checked(words: str, option: click.Option) -> None:
    kind = option.type
    assert isinstance(kind, Number)
    step = 1 if kind.kind is int else 1e-6
    allowed = kind.allowed
    outside = [math.nan, math.inf, -math.inf, "many", ""]
    for end, direction in ((allowed.least, -1), (allowed.most, 1)):
        if end is not None:
            assert kind.convert(str(end), None, None) == end, words
            outside.append(end + direction * step)
    outside += [end for end in (allowed.above, allowed.below) if end is not None]
    for value in outside:
        with pytest.raises(click.BadParameter) as refused:
            kind.convert(str(value), None, None)
        assert f"[{allowed}]" in refused.value.message
    if kind.kind is int:
        with pytest.raises(click.BadParameter, match="expected a whole number"):
            kind.convert("1.5", None, None)


def test_a_wrong_number_is_told_with_its_option() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DUSKLINE_")}
    result = CliRunner(env=env).invoke(main, ["city", "somewhere", "--count", "0"])
    assert result.exit_code == 2
    assert "Invalid value for '--count': expected a whole number [images, at least 1], found '0'" in (
        result.output
    )
