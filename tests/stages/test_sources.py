"""`duskline sources` and `duskline pin`: what is known, and what is available."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.datasets.fetching.checksums import read_pins
from pipeline.datasets.sources import registry
from stages import pin, sources
from tests.datasets.raw_forms import write_tar

ENTRY = """\
title: A made-up set
kind: archives
licence: none
terms: ask first
citation: nobody
expected: {test/queries: 12}
files:
  - name: one.tar
    about: 1 MB
    addresses: ["https://x.org/one.tar"]
  - name: two.tar
    addresses: ["https://x.org/two.tar"]
"""

PAINTER = """\
title: A painter
kind: checkpoint
licence: none
published: at an address that is gone
layout: dim 64
section: unit_512x288
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entries = tmp_path / "entries"
    entries.mkdir()
    (entries / "made_up.yaml").write_text(ENTRY)
    (entries / "far.yaml").write_text(
        "title: A far set\nkind: described\nlicence: none\npublished: over rsync\n"
    )
    (entries / "painter.yaml").write_text(PAINTER)
    monkeypatch.chdir(tmp_path)
    for function in (registry.known_sources, registry.read_source):
        monkeypatch.setattr(function, "__defaults__", (entries,))
    (tmp_path / "profiles").mkdir()
    write_tar(tmp_path / "archives" / "made_up" / "one.tar", {"a/b.txt": b"text"})
    return tmp_path


def run(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)  # type: ignore[arg-type]


def test_all_sources_are_listed_with_what_is_at_hand() -> None:
    lines = run(sources.main).output.splitlines()
    assert lines[0].split() == ["far", "get", "it", "yourself", "A", "far", "set"]
    assert lines[1].split() == ["made_up", "1", "of", "2", "archives", "A", "made-up", "set"]
    assert lines[2].split() == ["painter", "get", "it", "yourself", "A", "painter"]


def test_of_a_checkpoint_it_says_what_to_do_without_it(project: Path) -> None:
    said = run(sources.main, "painter").output
    for words in (
        "available: at an address that is gone",
        "layout: dim 64",
        "not found: copy your gen_*.pt to archives/painter.pt",
        "without it: train one with unit_512x288 of unit/variants.yaml, or use another translator",
    ):
        assert words in said
    (project / "archives" / "painter.pt").write_bytes(b"weights")
    assert "found: archives/painter.pt\n" in run(sources.main, "painter").output
    assert run(sources.main).output.splitlines()[2].split()[:3] == ["painter", "found", "A"]


def test_one_source_is_shown_whole() -> None:
    said = run(sources.main, "made_up", "far").output
    for words in (
        "licence: none",
        "terms:\n    ask first",
        "to cite: nobody",
        "images: test/queries 12",
        "one.tar (1 MB) found: archives/made_up/one.tar",
        "two.tar from https://x.org/two.tar",
        "available: over rsync",
    ):
        assert words in said


def test_an_unknown_source_is_the_user_s_mistake() -> None:
    done = run(sources.main, "pits30k")
    assert done.exit_code == 2
    assert "no source 'pits30k' in the registry; known are far, made_up, painter" in done.output


def test_what_is_at_hand_is_pinned_once(project: Path) -> None:
    done = run(pin.main, "made_up")
    assert done.exit_code == 0
    assert "one.tar" in done.output
    assert done.output.count("pinned\n") == 1
    (known,) = read_pins(project / "profiles" / "pinned.csv").values()
    assert (known.source, known.name) == ("made_up", "one.tar")
    assert "is known already" in run(pin.main, "made_up", "one.tar").output


def test_another_file_is_pinned_only_in_place_of_the_first(project: Path) -> None:
    run(pin.main, "made_up")
    write_tar(project / "archives" / "made_up" / "one.tar", {"a/b.txt": b"other"})
    done = run(pin.main, "made_up")
    assert done.exit_code == 2
    assert "one.tar of made_up is not the expected file" in done.output
    assert "pinned" in run(pin.main, "made_up", "--replace").output
    assert "is known already" in run(pin.main, "made_up").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("made_up", "three.tar"), "made_up has no file three.tar; it has one.tar, two.tar"),
        (("made_up", "two.tar"), "not available: two.tar"),
        (("far",), "not available: far"),
    ],
)
def test_what_cannot_be_pinned_is_said(arguments: tuple[str, ...], words: str) -> None:
    done = run(pin.main, *arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_what_is_no_archive_is_not_pinned(project: Path) -> None:
    (project / "archives" / "made_up" / "one.tar").write_bytes(b"<html>sorry</html>")
    done = run(pin.main, "made_up")
    assert done.exit_code != 0
    assert "cannot be read" in done.output or "truncated or damaged" in done.output
    assert not (project / "profiles" / "pinned.csv").exists()
