from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.files import digest_bytes, read_json
from pipeline.night.engine import store as store_module
from pipeline.night.engine.store import NightStore, boot_identity, open_store, write_aside
from pipeline.night.engine.translate_image import Translated
from pipeline.night.records.translator import OutputFormat, Recipe
from pipeline.runtime.errors import DusklineError, StageRunningError
from tests.night.fakes import JPG, Darkened

RECIPE = Recipe.of(Darkened(), JPG)
SOURCE = digest_bytes(b"a day")
NIGHT = Translated(b"the bytes of a night", 640, 480)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store that holds the night of one source."""
    with open_store(tmp_path / "nights", RECIPE) as store:
        store.put(SOURCE, NIGHT)
    return tmp_path / "nights"


def night_file(root: Path) -> Path:
    return root / RECIPE.digest / SOURCE[:2] / f"{SOURCE}.jpg"


def state(root: Path) -> str:
    with open_store(root, RECIPE) as store:
        return store.state(SOURCE)


def test_a_night_lies_under_its_recipe_and_the_digest_of_its_source(root: Path) -> None:
    assert night_file(root).read_bytes() == NIGHT.data
    with open_store(root, RECIPE) as store:
        assert Path(store.path(SOURCE)) == night_file(root)
        entry = store.entry(SOURCE)
        assert store.state(SOURCE) == "good"
    assert entry is not None
    assert (entry.width, entry.height, entry.size) == (640, 480, len(NIGHT.data))
    assert entry.digest == digest_bytes(NIGHT.data)


def test_the_store_tells_its_recipe_in_words(root: Path) -> None:
    assert read_json(root / RECIPE.digest / "recipe.json") == RECIPE.document()


def test_a_png_is_another_recipe_and_another_suffix(root: Path) -> None:
    with open_store(root, Recipe.of(Darkened(), OutputFormat(".png", 90))) as store:
        assert store.state(SOURCE) == "absent"
        assert store.path(SOURCE).endswith(f"{SOURCE}.png")


def test_nothing_is_known_of_a_source_never_seen(root: Path) -> None:
    with open_store(root, RECIPE) as store:
        other = digest_bytes(b"another day")
        assert store.state(other) == "absent"
        assert store.entry(other) is None
        assert store.failure(other) is None
        assert not store.is_whole(other)


def test_a_failure_is_kept_and_a_night_made_later_replaces_it(root: Path) -> None:
    other = digest_bytes(b"another day")
    with open_store(root, RECIPE) as store:
        store.fail(other, "truncated")
    with open_store(root, RECIPE) as store:
        assert store.failure(other) == "truncated"
        store.put(other, NIGHT)
        assert store.failure(other) is None
    with open_store(root, RECIPE) as store:
        assert store.failure(other) is None
        assert store.state(other) == "good"


def test_a_missing_or_truncated_or_lengthened_night_is_absent(root: Path) -> None:
    path = night_file(root)
    path.write_bytes(NIGHT.data[:-1])
    assert state(root) == "absent"
    path.write_bytes(NIGHT.data + b"x")
    assert state(root) == "absent"
    path.unlink()
    assert state(root) == "absent"
    path.mkdir()
    assert state(root) == "absent"


def test_a_link_in_the_place_of_a_night_is_not_a_night(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jpg").write_bytes(NIGHT.data)
    night_file(root).unlink()
    night_file(root).symlink_to(tmp_path / "elsewhere.jpg")
    assert state(root) != "good"


def test_a_night_written_over_in_place_is_doubtful_and_not_whole(root: Path) -> None:
    path = night_file(root)
    path.write_bytes(b"\0" * len(NIGHT.data))
    os.utime(path, ns=(1, 1))
    with open_store(root, RECIPE) as store:
        assert store.state(SOURCE) == "doubtful"
        assert not store.is_whole(SOURCE)


def test_a_night_that_was_only_touched_is_good_again_after_one_reading(root: Path) -> None:
    os.utime(night_file(root), ns=(1, 1))
    with open_store(root, RECIPE) as store:
        assert store.state(SOURCE) == "doubtful"
        assert store.is_whole(SOURCE)
        store.confirm(SOURCE)
        assert store.state(SOURCE) == "good"
    assert state(root) == "good"


def test_a_copied_store_is_on_the_disk_only_after_the_next_start(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(night_file(root), ns=(1, 1))
    states = []
    for boot in ("copied-in-this", "and-after-this", "no-more-doubt"):
        monkeypatch.setattr(store_module, "boot_identity", lambda boot=boot: boot)
        with open_store(root, RECIPE) as store:
            states.append(store.state(SOURCE))
            store.confirm(SOURCE)
    assert states == ["doubtful", "doubtful", "good"]


def test_a_crash_that_left_zeros_of_the_right_size_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "boot_identity", lambda: "another-boot")
    path = night_file(root)
    times = path.stat()
    path.write_bytes(b"\0" * len(NIGHT.data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with open_store(root, RECIPE) as store:
        assert store.state(SOURCE) == "doubtful"
        assert not store.is_whole(SOURCE)


def test_after_a_new_start_each_night_is_read_once_and_never_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = []
    for boot in ("second", "third", "fourth"):
        monkeypatch.setattr(store_module, "boot_identity", lambda boot=boot: boot)
        with open_store(root, RECIPE) as store:
            states.append(store.state(SOURCE))
            if states[-1] == "doubtful":
                assert store.is_whole(SOURCE)
                store.confirm(SOURCE)
    assert states == ["doubtful", "good", "good"]


def test_where_a_run_of_the_machine_has_no_name_nothing_is_taken_on_trust(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store_module, "_BOOT_ID", tmp_path / "missing")
    assert boot_identity() == "?"
    with open_store(root, RECIPE) as store:
        store.put(SOURCE, NIGHT)
        assert store.state(SOURCE) == "doubtful"


def test_confirming_what_is_known_adds_no_line(root: Path) -> None:
    journal = root / RECIPE.digest / "journal.txt"
    before = journal.read_bytes()
    with open_store(root, RECIPE) as store:
        store.confirm(SOURCE)
    assert journal.read_bytes() == before


def test_a_forgotten_night_is_absent(root: Path) -> None:
    with open_store(root, RECIPE) as store:
        store.forget(SOURCE)
        store.forget(digest_bytes(b"never known"))
        assert store.entry(SOURCE) is None
        assert store.state(SOURCE) == "absent"


def test_what_a_killed_run_was_writing_is_swept_away(root: Path) -> None:
    folder = root / RECIPE.digest
    litter = [
        folder / ".journal.txt.0123456789ab.part",
        night_file(root).with_name(f".{SOURCE}.0123456789ab.part"),
    ]
    for path in litter:
        path.write_bytes(b"half")
    assert state(root) == "good"
    assert not any(path.exists() for path in litter)


def test_a_night_that_cannot_be_written_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = digest_bytes(b"another day")
    with open_store(root, RECIPE) as store:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", _no_space)
            with pytest.raises(
                DusklineError, match=f"could not write .*{other}.jpg: No space left on device"
            ):
                store.put(other, NIGHT)
        assert store.entry(other) is None
        assert not list((root / RECIPE.digest).rglob("*.part"))
        store.put(other, NIGHT)
        assert store.state(other) == "good"


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_recipe_is_open_to_one_run_at_a_time(root: Path) -> None:
    with open_store(root, RECIPE), pytest.raises(StageRunningError), open_store(root, RECIPE):
        pass
    assert state(root) == "good"


def test_two_recipes_are_open_side_by_side(root: Path) -> None:
    with open_store(root, RECIPE) as one, open_store(root, Recipe.of(Darkened(3), JPG)) as two:
        assert isinstance(one, NightStore)
        assert two.state(SOURCE) == "absent"


def test_a_night_that_was_written_aside_is_taken_like_one_that_was_put(root: Path) -> None:
    other = digest_bytes(b"another day")
    with open_store(root, RECIPE) as store:
        written = write_aside(root, RECIPE, other, NIGHT, boot_identity())
        assert store.state(other) == "absent"
        assert not Path(store.path(other)).exists()
        entry = store.put(other, written)
        assert replace(entry, modified=0) == replace(store.put(other, NIGHT), modified=0)
        assert not Path(written.path).exists()
    with open_store(root, RECIPE) as store:
        assert store.state(other) == "good"
        assert store.is_whole(other)


@pytest.mark.parametrize(("damage", "found"), [(b"cut", "it has 3"), (None, "it does not exist")])
def test_a_night_that_does_not_arrive_whole_is_not_taken(
    root: Path, damage: bytes | None, found: str
) -> None:
    other = digest_bytes(b"another day")
    with open_store(root, RECIPE) as store:
        written = write_aside(root, RECIPE, other, NIGHT, boot_identity())
        Path(written.path).unlink() if damage is None else Path(written.path).write_bytes(damage)
        with pytest.raises(DusklineError, match=f"but here {found}") as caught:
            store.put(other, written)
        assert "storage that all nodes share" in str(caught.value)
        assert store.state(other) == "absent"


def test_a_night_that_nobody_took_is_swept_away_by_the_next_run(root: Path) -> None:
    left = Path(write_aside(root, RECIPE, digest_bytes(b"another day"), NIGHT, boot_identity()).path)
    assert left.is_file()
    with open_store(root, RECIPE):
        assert not left.exists()
    assert state(root) == "good"


@pytest.mark.parametrize(("boot", "flushed"), [(boot_identity(), 0), ("of-another-machine", 1)])
def test_only_a_night_that_another_machine_writes_is_flushed(
    root: Path, monkeypatch: pytest.MonkeyPatch, boot: str, flushed: int
) -> None:
    streams: list[int] = []
    monkeypatch.setattr(os, "fsync", streams.append)
    write_aside(root, RECIPE, SOURCE, NIGHT, boot)
    assert len(streams) == flushed
