from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from pipeline.core import files
from pipeline.runtime.errors import DusklineError, MissingInputError, UserError
from tests.import_graph import ROOT


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Writing beside and renaming


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a" / "b" / "c.bin", b"data")
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"data"
    assert names(tmp_path / "a" / "b") == ["c.bin"]


def test_the_target_is_not_there_before_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "c.bin"
    with files.atomic_write(target) as stream:
        stream.write(b"data")
        assert not target.exists()
        assert len(names(tmp_path)) == 1
        assert names(tmp_path)[0].startswith(".c.bin.")
    assert names(tmp_path) == ["c.bin"]


def test_a_block_that_fails_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "c.bin"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), files.atomic_write(target) as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["c.bin"]


def test_other_links_to_the_old_content_keep_it(tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    cached.write_bytes(b"old")
    cached.chmod(0o444)
    (tmp_path / "target").hardlink_to(cached)
    files.write_bytes(tmp_path / "target", b"new")
    assert cached.read_bytes() == b"old"
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a.jpg").write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DusklineError, match=r"could not write .*a\.jpg: No space left on device") as caught:
        files.write_bytes(tmp_path / "a.jpg", b"new")
    assert "free disk space" in caught.value.hint
    assert (tmp_path / "a.jpg").read_bytes() == b"old"
    assert names(tmp_path) == ["a.jpg"]


def test_a_limit_on_file_sizes_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from pipeline.core.files import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"write_bytes(Path({str(tmp_path)!r}, 'small'), bytes(1000))\n"
        f"write_bytes(Path({str(tmp_path)!r}, 'large'), bytes(1001))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "DusklineError: could not write" in run.stderr
    assert "large: File too large" in run.stderr
    assert names(tmp_path) == ["small"]


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(DusklineError, match=r"could not write .*a/b/c\.bin: Not a directory"):
        files.write_bytes(tmp_path / "a" / "b" / "c.bin", b"data")
    with pytest.raises(DusklineError, match=r"could not write .*a/c\.bin: File exists"):
        files.write_bytes(tmp_path / "a" / "c.bin", b"data")


@pytest.mark.parametrize("name", ["x" * 251 + ".jpg", "夜" * 83 + ".jpg", "🌃" * 62 + ".jpg"])
def test_names_of_the_full_length_can_be_written_and_linked(tmp_path: Path, name: str) -> None:
    assert 250 < len(os.fsencode(name)) <= 255
    files.write_bytes(tmp_path / name, b"data")
    files.link(tmp_path / name, tmp_path / "links" / name)
    assert (tmp_path / "links" / name).read_bytes() == b"data"


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "new", b"")
    (tmp_path / "usual").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "usual").stat().st_mode
    )


# Links


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jpg"
    path.write_bytes(b"data")
    return path


def test_a_link_is_the_same_file(source: Path, tmp_path: Path) -> None:
    files.link(source, tmp_path / "deep" / "target.jpg")
    assert (tmp_path / "deep" / "target.jpg").samefile(source)
    assert names(tmp_path / "deep") == ["target.jpg"]


def test_a_link_replaces_what_is_there_and_not_its_other_names(source: Path, tmp_path: Path) -> None:
    (tmp_path / "cached").write_bytes(b"old")
    (tmp_path / "target").hardlink_to(tmp_path / "cached")
    for _ in range(2):
        files.link(source, tmp_path / "target")
        assert (tmp_path / "target").samefile(source)
    assert (tmp_path / "cached").read_bytes() == b"old"
    assert names(tmp_path) == ["cached", "source.jpg", "target"]


def test_a_link_to_a_symbolic_link_is_a_link_to_its_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").symlink_to("../source.jpg")
    files.link(tmp_path / "set" / "a.jpg", tmp_path / "deep" / "er" / "a.jpg")
    linked = tmp_path / "deep" / "er" / "a.jpg"
    assert not linked.is_symlink()
    assert linked.samefile(source)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES])
def test_where_links_cannot_be_made_it_is_a_copy(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    files.link(source, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"data"
    assert not (tmp_path / "target").samefile(source)


def test_a_link_that_fails_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(DusklineError, match=r"could not link .*source\.jpg to .*target: No space left"):
        files.link(source, tmp_path / "target")
    assert names(tmp_path) == ["source.jpg"]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file: .*gone\.jpg"):
        files.link(tmp_path / "gone.jpg", tmp_path / "target")
    assert names(tmp_path) == []


def test_a_link_below_a_file_is_told(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DusklineError, match="could not link"):
        files.link(source, source / "below" / "target")


# Digests


def test_digests_are_sha_256(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "file").write_bytes(data)
    assert (
        files.digest_bytes(data) == files.digest_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()
    )
    assert files.digest_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_document_has_one_digest_whatever_the_order_of_its_keys() -> None:
    one = files.digest_document({"a": 1, "b": {"c": [1, 2], "d": "é"}})
    assert one == files.digest_document({"b": {"d": "é", "c": [1, 2]}, "a": 1})
    assert one != files.digest_document({"a": 1, "b": {"c": [2, 1], "d": "é"}})
    assert one != files.digest_document({"a": "1", "b": {"c": [1, 2], "d": "é"}})


# Folders


def test_required_folders_and_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert files.require_folder(tmp_path) == tmp_path
    assert files.require_file(file) == file
    with pytest.raises(MissingInputError, match="no such folder") as caught:
        files.require_folder(file, hint="make it")
    assert caught.value.hint == "make it"
    with pytest.raises(MissingInputError, match="no such file") as caught:
        files.require_file(tmp_path, hint="write it")
    assert caught.value.hint == "write it"


def always(_folder: Path) -> bool:
    return True


def never(_folder: Path) -> bool:
    return False


def test_a_folder_is_replaced_only_by_a_complete_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    with files.replaced_folder(folder, always, "ours") as beside:
        (beside / "first").write_bytes(b"1")
        assert not folder.exists()
    assert names(folder) == ["first"]
    with pytest.raises(ValueError, match="half-way"), files.replaced_folder(folder, always, "ours") as beside:
        (beside / "second").write_bytes(b"2")
        raise ValueError("half-way")
    assert names(folder) == ["first"]
    with files.replaced_folder(folder, always, "ours") as beside:
        (beside / "third").write_bytes(b"3")
    assert names(folder) == ["third"]
    assert names(folder.parent) == ["out"]


def test_what_a_killed_run_left_beside_a_folder_does_not_survive(tmp_path: Path) -> None:
    (tmp_path / ".out.new.part").mkdir()
    (tmp_path / ".out.new.part" / "stale").write_bytes(b"")
    with files.replaced_folder(tmp_path / "out", always, "ours") as beside:
        (beside / "new").write_bytes(b"")
    assert names(tmp_path / "out") == ["new"]


def test_somebodys_own_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with (
        pytest.raises(UserError, match="is not empty and is not a city, so it is not replaced"),
        files.replaced_folder(tmp_path, never, "a city"),
    ):
        pass
    assert (tmp_path / "diary.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    with files.replaced_folder(tmp_path / "empty", never, "a city") as beside:
        (beside / "new").write_bytes(b"")
    assert names(tmp_path / "empty") == ["new"]


def test_the_older_folder_is_there_until_the_newer_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "older").write_bytes(b"")
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if target == folder and self.name == ".out.new.part":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replaced_folder(folder, always, "ours") as beside:
        (beside / "newer").write_bytes(b"")
    assert names(folder) == ["older"]
    assert names(tmp_path) == ["out"]


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with files.replaced_folder(tmp_path / "out", never, "ours") as beside:
        (beside / "new").write_bytes(b"")
    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "elsewhere") == ["new"]


def test_a_digested_file_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    pieces = [b"one", memoryview(b"two")]
    path = files.write_digested(
        tmp_path / "new" / "a.pt", lambda stream: [stream.write(piece) for piece in pieces]
    )
    assert path == tmp_path / "new" / f"a_{files.digest_bytes(b'onetwo')[:16]}.pt"
    assert path.read_bytes() == b"onetwo"


def test_a_digested_file_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    def fill(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise OSError("no space left")

    with pytest.raises(DusklineError, match=r"could not write .*a\.pt"):
        files.write_digested(tmp_path / "a.pt", fill)
    assert list(tmp_path.iterdir()) == []
