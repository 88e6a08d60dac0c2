"""Spoilt and lost objects: found in either place, fixed from the other, or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.sharing.objects import SharedProject
from pipeline.sharing.remote import Remote, set_up
from pipeline.sharing.repair import Repair, repair
from tests.sharing.small_project import dvc

GREEN, RED, SHADE = "green" * 50, "red" * 50, "grey" * 25


@pytest.fixture
def project(root: Path, tmp_path: Path) -> SharedProject:
    """A project that has pushed everything."""
    set_up(SharedProject(root), Remote("shared", str(tmp_path / "share")), "repo")
    dvc(root, "push")
    return SharedProject(root)


@pytest.fixture
def here(root: Path) -> Path:
    return root / ".dvc" / "cache" / "files" / "md5"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "share" / "files" / "md5"


def _holding(store: Path, text: str) -> Path:
    return next(path for path in store.rglob("*") if path.is_file() and path.read_text() == text)


def _spoil(path: Path, text: str = "") -> None:
    path.chmod(0o644)
    path.write_text(text or path.read_text().swapcase())
    path.chmod(0o444)


def _repair(project: SharedProject, *outs: str, quick: bool = False) -> Repair:
    return repair(project, project.remote(), outs, quick=quick)


def _names(done: Repair) -> tuple[list[str], list[str], list[str]]:
    sent, got, lost = ([fault.item.name for fault in part] for part in (done.sent, done.got, done.lost))
    return sent, got, lost


def test_what_is_good_is_left_alone(project: SharedProject) -> None:
    done = _repair(project)
    assert done.checked == 4
    assert _names(done) == ([], [], [])
    assert str(done) == "4 objects checked"


def test_a_spoilt_object_on_the_remote_is_sent_again(project: SharedProject, there: Path) -> None:
    spoilt = _holding(there, GREEN)
    _spoil(spoilt)
    assert _names(_repair(project)) == (["colours/green.txt"], [], [])
    assert spoilt.read_text() == GREEN


def test_what_has_its_size_needs_a_thorough_look(project: SharedProject, there: Path) -> None:
    _spoil(_holding(there, GREEN))
    _spoil(_holding(there, SHADE), SHADE[:-1])
    assert _names(_repair(project, quick=True)) == (["shade.txt"], [], [])
    assert _names(_repair(project)) == (["colours/green.txt"], [], [])


def test_a_file_that_a_folder_on_the_remote_lacks_is_sent(project: SharedProject, there: Path) -> None:
    _holding(there, RED).unlink()
    (name,) = _names(_repair(project))[0]
    assert name in ("colours/red.txt", "colours/also_red.txt")
    assert _holding(there, RED)


def test_what_nobody_has_pushed_is_no_fault(project: SharedProject, there: Path) -> None:
    _holding(there, SHADE).unlink()
    assert _names(_repair(project)) == ([], [], [])


def test_a_spoilt_object_in_the_cache_is_got_again(project: SharedProject, here: Path) -> None:
    spoilt = _holding(here, GREEN)
    _spoil(spoilt)
    done = _repair(project)
    assert _names(done) == ([], ["colours/green.txt"], [])
    assert spoilt.read_text() == GREEN
    assert "dvc checkout" in str(done)


def test_what_is_spoilt_in_both_places_is_named_with_its_stage(
    project: SharedProject, here: Path, there: Path
) -> None:
    for store in (here, there):
        _spoil(_holding(store, GREEN))
    done = _repair(project)
    assert _names(done) == ([], [], ["colours/green.txt"])
    assert not done.is_whole
    assert done.losses().startswith("made by colours:\n    colours/green.txt (")
    # Else DVC would take it for the good one that the stage makes.
    assert [path.read_text() for path in here.rglob("*") if path.is_file()].count(GREEN.swapcase()) == 0


def test_a_bad_object_on_the_remote_that_the_cache_lacks_is_named(
    project: SharedProject, here: Path, there: Path
) -> None:
    _spoil(_holding(there, GREEN))
    _holding(here, GREEN).unlink()
    assert _names(_repair(project)) == ([], [], ["colours/green.txt"])


@pytest.mark.parametrize("fault", ["spoilt", "gone"])
def test_a_listing_is_repaired_like_any_object(project: SharedProject, there: Path, fault: str) -> None:
    (listing,) = there.rglob("*.dir")
    good = listing.read_text()
    if fault == "gone":
        listing.unlink()
        assert _names(_repair(project)) == ([], [], [])  # not pushed, as far as anybody can tell
        dvc(Path(project.repo.root_dir), "push")
    else:
        _spoil(listing, good[:-10])
        assert _names(_repair(project)) == (["colours"], [], [])
    assert listing.read_text() == good


def test_a_listing_that_is_spoilt_in_the_cache_is_got_again_with_all_it_names(
    project: SharedProject, here: Path, there: Path
) -> None:
    (listing,) = here.rglob("*.dir")
    good = listing.read_text()
    _spoil(listing, good[:-10])
    _spoil(_holding(there, GREEN))
    assert _names(_repair(project)) == (["colours/green.txt"], ["colours"], [])
    assert listing.read_text() == good


def test_an_output_without_its_listing_is_named(project: SharedProject, here: Path, there: Path) -> None:
    for store in (here, there):
        for listing in store.rglob("*.dir"):
            listing.unlink()
    done = _repair(SharedProject(Path(project.repo.root_dir)))
    assert done.unlisted == ["colours"]
    assert not done.is_whole


def test_an_object_belongs_to_the_stage_that_made_it(project: SharedProject, there: Path) -> None:
    """And not to one that has a copy of it, though it comes first."""
    root = Path(project.repo.root_dir)
    album = "  album:\n    cmd: cp -r colours album\n    deps: [colours]\n    outs: [album]\n"
    before = (root / "dvc.yaml").read_text()
    (root / "dvc.yaml").write_text(before.replace("stages:\n", f"stages:\n{album}"))
    dvc(root, "repro", "-q")
    _spoil(_holding(there, GREEN))
    assert _names(_repair(SharedProject(root))) == (["colours/green.txt"], [], [])


def test_a_remote_that_is_not_there_is_said_in_words(project: SharedProject, tmp_path: Path) -> None:
    (tmp_path / "share").rename(tmp_path / "gone")
    (tmp_path / "share").write_text("a file")
    with pytest.raises(DusklineError, match=r"share: NotADirectoryError: .*") as caught:
        _repair(project)
    assert "credentials come from the environment" in str(caught.value)


def test_only_what_is_asked_for_is_looked_at(project: SharedProject, there: Path) -> None:
    _spoil(_holding(there, GREEN))
    assert _names(_repair(project, "shade.txt")) == ([], [], [])
    with pytest.raises(MissingInputError, match=r"known are colours, shade\.txt"):
        _repair(project, "colour")
