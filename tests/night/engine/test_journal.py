from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.files import digest_bytes
from pipeline.night.engine.journal import Entry, Journal
from pipeline.runtime.errors import DusklineError

READER = "pillow-1"


def source(number: int) -> str:
    return digest_bytes(b"source %d" % number)


def entry(number: int, boot: str = "boot-1") -> Entry:
    return Entry(
        640 + number,
        480,
        1000 + number,
        digest_bytes(b"night %d" % number),
        1_790_000_000_000_000_000 + number,
        boot,
    )


def filled(path: Path, count: int) -> None:
    journal = Journal(path, READER)
    for number in range(count):
        journal.done(source(number), entry(number))
    journal.close()


def reopened(path: Path, reader: str = READER) -> Journal:
    journal = Journal(path, reader)
    journal.close()
    return journal


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    journal = reopened(tmp_path / "deep" / "journal.txt")
    assert (journal.entries, journal.failures) == ({}, {})
    assert journal.path.read_bytes() == b""


reasons = st.text(max_size=60)
events = st.lists(
    st.tuples(
        st.integers(0, 5), st.one_of(st.integers(0, 10**6), reasons), st.sampled_from(["", "a", "b-c"])
    ),
    max_size=30,
)


@given(events)
def test_the_last_word_about_a_source_counts(tmp_path_factory: pytest.TempPathFactory, told: list) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.txt"
    journal = Journal(path, READER)
    entries: dict[str, Entry] = {}
    failures: dict[str, str] = {}
    for number, word, boot in told:
        key = source(number)
        entries.pop(key, None)
        failures.pop(key, None)
        if isinstance(word, int):
            entries[key] = entry(word, boot)
            journal.done(key, entries[key])
        else:
            failures[key] = word
            journal.failed(key, word)
    journal.close()
    again = reopened(path)
    assert (journal.entries, journal.failures) == (entries, failures)
    assert (again.entries, again.failures) == (entries, failures)


def test_a_torn_journal_keeps_its_whole_lines_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    filled(path, 3)
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    near_ends = {end + offset for end in (0, *ends) for offset in (-2, -1, 0, 1, 2)}
    for cut in sorted(near_ends & {*range(len(whole) + 1)} | {*range(0, len(whole), 37)}):
        path.write_bytes(whole[:cut])
        journal = Journal(path, READER)
        # A line that lacks nothing but its end is whole.
        known = [number for number in range(3) if source(number) in journal.entries]
        assert known == list(range(sum(end - 1 <= cut for end in ends)))
        journal.done(source(7), entry(7))
        journal.close()
        assert set(reopened(path).entries) == {*map(source, known), source(7)}


@pytest.mark.parametrize(
    "damage",
    [b"\0" * 300, b"\n\n\n", b"done\tabc\n", b"\xff\xfe\t00000000\n", b"done\t\t\t\t\t\t\t\t00000000\n"],
    ids=["zeros", "empty-lines", "short", "not-text", "wrong-checksum"],
)
def test_damage_in_the_middle_costs_at_most_a_neighbour(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "journal.txt"
    filled(path, 2)
    with path.open("ab") as stream:
        stream.write(damage)
    journal = Journal(path, READER)
    journal.done(source(5), entry(5))
    journal.close()
    assert set(reopened(path).entries) == {source(0), source(1), source(5)}


def test_a_line_with_one_byte_changed_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    filled(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"641", b"642") + lines[2])
    assert set(reopened(path).entries) == {source(0), source(2)}


def test_what_another_decoder_could_not_read_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    journal = Journal(path, "pillow-1")
    journal.done(source(1), entry(1))
    journal.failed(source(1), "truncated")
    journal.close()
    assert reopened(path, "pillow-1").failures == {source(1): "truncated"}
    newer = reopened(path, "pillow-2")
    assert (newer.entries, newer.failures) == ({}, {})


def test_an_endless_reason_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    journal = Journal(path, READER)
    journal.failed(source(1), "x" * 10_000)
    journal.close()
    assert journal.failures == reopened(path).failures
    assert len(journal.failures[source(1)]) == 500


def test_lines_that_say_nothing_any_more_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    journal = Journal(path, READER)
    for repeat in range(1100):
        journal.done(source(1), entry(repeat))
    journal.failed(source(2), "empty")
    journal.close()
    assert path.read_bytes().count(b"\n") == 1101
    again = reopened(path)
    assert path.read_bytes().count(b"\n") == 2
    assert (again.entries, again.failures) == ({source(1): entry(1099)}, {source(2): "empty"})
    assert [file.name for file in tmp_path.iterdir()] == ["journal.txt"]


def test_a_growing_store_does_not_rewrite_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    filled(path, 1500)
    inode = path.stat().st_ino
    reopened(path)
    assert path.stat().st_ino == inode


def test_a_full_disk_is_told_and_what_was_half_written_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.txt"
    journal = Journal(path, READER)
    journal.done(source(0), entry(0))
    real = os.write

    def write_a_part(stream: int, line: bytes) -> int:
        if not line.startswith(b"done"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(stream, line[:20])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_a_part)
        with pytest.raises(
            DusklineError, match=r"could not write .*journal\.txt: No space left on device"
        ) as caught:
            journal.done(source(1), entry(1))
    assert "run the same command again" in caught.value.hint
    assert source(1) not in journal.entries

    def refuse(stream: int, line: bytes) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", refuse)
        with pytest.raises(DusklineError, match="Input/output error"):
            journal.failed(source(2), "reason")
    journal.close()
    journal = Journal(path, READER)
    journal.done(source(3), entry(3))
    journal.close()
    assert set(reopened(path).entries) == {source(0), source(3)}


def test_a_line_that_is_taken_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda stream, line: real(stream, line[:20]))
    filled(tmp_path / "journal.txt", 2)
    assert set(reopened(tmp_path / "journal.txt").entries) == {source(0), source(1)}
