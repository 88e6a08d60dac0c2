"""`duskline prune`: what it shows, when it asks, what it leaves."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.core.files import digest_bytes
from pipeline.night.engine.store import open_store
from pipeline.night.engine.translate_image import Translated
from pipeline.night.records.translator import Recipe
from stages.prune import main
from tests.import_graph import ROOT
from tests.night.fakes import JPG, Darkened

RECIPE = Recipe.of(Darkened(), JPG)
TITLE = f"{RECIPE.digest[:12]} darkened {RECIPE.record['checkpoint_digest'][:12]}"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three nights in its store, of which one has a name in a set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "sets" / "night").mkdir(parents=True)
    with open_store(tmp_path / "work" / "nights", RECIPE) as nights:
        for number in range(3):
            nights.put(digest_bytes(b"day %d" % number), Translated(b"x" * 1_000_000, 4, 3))
        os.link(nights.path(digest_bytes(b"day 0")), tmp_path / "data" / "sets" / "night" / "a.jpg")
    return tmp_path / "work" / "nights"


def left(store: Path) -> int:
    return len(list(store.rglob("*.jpg")))


def pruned(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def answered(answer: bytes) -> tuple[int, str]:
    """Run the command on a terminal at which somebody types `answer`."""
    terminal, theirs = pty.openpty()
    os.write(terminal, answer)
    done = subprocess.run(
        [sys.executable, "-m", "stages.prune"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    os.close(theirs)
    os.close(terminal)
    return done.returncode, done.stdout


def test_with_yes_it_shows_what_there_is_and_removes_it(store: Path) -> None:
    result = pruned("--yes")
    assert result.exit_code == 0
    title, counts, removed = result.stdout.splitlines()
    assert title.startswith(TITLE)
    assert counts == "    used 1 nights (1.0 MB); unused 2 nights (2.0 MB)"
    assert removed == "Removed 2 nights (2.0 MB)."
    assert left(store) == 1
    assert pruned("--yes").stdout.splitlines()[1:] == [
        "    used 1 nights (1.0 MB); unused 0 nights (0.0 MB)",
        "Nothing to remove.",
    ]


def test_without_a_terminal_and_without_yes_nothing_is_removed(store: Path) -> None:
    result = pruned()
    assert result.exit_code == 2
    assert "no terminal to ask for confirmation" in result.stderr
    assert "--yes" in result.stderr
    assert left(store) == 3


@pytest.mark.parametrize(("answer", "code", "remain"), [(b"y\n", 0, 1), (b"n\n", 1, 3), (b"\n", 1, 3)])
def test_at_a_terminal_it_tells_what_would_be_lost_and_asks(
    store: Path, answer: bytes, code: int, remain: int
) -> None:
    found, said = answered(answer)
    assert found == code, said
    assert "a run that stopped before its dataset\nwas complete" in said
    assert "Remove 2 nights (2.0 MB)? [y/N]:" in said
    assert ("Removed 2 nights" in said) == (code == 0)
    assert left(store) == remain


def test_a_recipe_that_is_being_run_is_named_and_left_alone(store: Path) -> None:
    with open_store(store, RECIPE):
        result = pruned("--yes")
    assert result.exit_code == 0
    title, state, end = result.stdout.splitlines()
    assert title.startswith(TITLE)
    assert (state, end) == ("    in use by a running stage, kept", "Nothing to remove.")
    assert left(store) == 3


def test_states_of_trainings_are_listed_and_stay(store: Path) -> None:
    state = store.parent / "train" / "0123abcd" / "state.pt"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"x" * 2_500_000)
    said = pruned("--yes").stdout
    assert "work/train/0123abcd\n    state of a training run, 2.5 MB, kept\n" in said
    assert state.exists()


def test_no_store_is_nothing_to_remove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORK", str(tmp_path / "elsewhere"))
    assert pruned().stdout == "Nothing to remove.\n"
