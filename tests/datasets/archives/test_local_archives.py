from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pipeline.datasets.archives.local_archives import (
    LocalArchive,
    archive_places,
    digest_with_progress,
    find_local_archive,
    how_to_bring,
    write_record,
)
from pipeline.runtime.errors import DusklineError, MissingInputError, UserError


def held_file(folder: Path, place: str, data: bytes = b"data") -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def record(raw: Path, *places: str, size: int = 4) -> None:
    write_record(raw, [LocalArchive(Path(place).name, size, "a" * 64, place) for place in places])


def test_the_source_s_own_folder_comes_first(tmp_path: Path) -> None:
    flat = held_file(tmp_path, "000.tar")
    assert find_local_archive(tmp_path, ["pitts30k"], "000.tar") == flat
    own = held_file(tmp_path, "pitts30k/000.tar")
    assert find_local_archive(tmp_path, ["pitts30k"], "000.tar") == own
    assert find_local_archive(tmp_path, ["pitts30k"], "001.tar") is None


def test_the_folder_of_a_source_that_shares_the_file_is_searched_too(tmp_path: Path) -> None:
    theirs = held_file(tmp_path, "pitts30k/000.tar")
    assert find_local_archive(tmp_path, ["pitts250k"], "000.tar") is None
    assert find_local_archive(tmp_path, ["pitts250k", "pitts30k"], "000.tar") == theirs
    own = held_file(tmp_path, "pitts250k/000.tar")
    assert find_local_archive(tmp_path, ["pitts250k", "pitts30k"], "000.tar") == own


def refused(path: Path, *_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_folders_and_files_that_may_not_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = held_file(tmp_path / "raw", "000.tar")
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(UserError, match=r"cannot read .*raw/000\.tar: Permission denied\n  make it readable"):
        digest_with_progress(path)
    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UserError, match=r"cannot read .*raw: Permission denied"):
        archive_places(tmp_path / "raw", tmp_path)
    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(UserError, match=r"cannot read .*made_up/000\.tar: Permission denied"):
        find_local_archive(tmp_path, ["made_up"], "000.tar")


def test_the_digest_of_more_than_one_piece(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    path = held_file(tmp_path, "large", data)
    assert digest_with_progress(path) == hashlib.sha256(data).hexdigest()


def test_recorded_archives_are_found_wherever_the_archive_folder_is(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    record(raw, "pitts30k/000.tar", "netvlad.tar.gz")
    for name in ("here", "there"):
        paths = [held_file(tmp_path / name, place) for place in ("pitts30k/000.tar", "netvlad.tar.gz")]
        assert archive_places(raw, tmp_path / name) == {path.name: path for path in paths}
    assert str(tmp_path) not in (raw / "archives.json").read_text()


def test_a_raw_folder_without_a_record_offers_its_own_files(tmp_path: Path) -> None:
    files = [held_file(tmp_path / "raw", name) for name in ("000.tar", "queries_real.tar")]
    assert archive_places(tmp_path / "raw", tmp_path / "nowhere") == {path.name: path for path in files}


def test_all_archives_that_are_gone_or_changed_are_named(tmp_path: Path) -> None:
    record(tmp_path / "raw", "000.tar", "001.tar", "002.tar")
    held_file(tmp_path / "held", "001.tar", b"longer than it was")
    held_file(tmp_path / "held", "002.tar")
    with pytest.raises(MissingInputError) as caught:
        archive_places(tmp_path / "raw", tmp_path / "held")
    message = str(caught.value)
    assert "2 of 3 archives" in message
    assert "000.tar: missing" in message
    assert "001.tar: 18 bytes, 4 when it was fetched" in message
    assert "DUSKLINE_ARCHIVES" in message
    assert "dvc repro --force --single-item fetch@raw" in message


def test_a_file_is_brought_into_the_archive_folder_or_into_a_folder_of_one_s_own(tmp_path: Path) -> None:
    assert how_to_bring(tmp_path).startswith("copy it there if this folder is yours")
    record(tmp_path / "pitts30k")
    assert how_to_bring(tmp_path / "pitts30k").startswith("copy it into pitts30k/ in the archive folder")


def test_no_raw_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no raw folder .*raw\n  fetch the source: dvc repro fetch$"):
        archive_places(tmp_path / "raw", tmp_path)


@pytest.mark.parametrize("document", [[{"name": "a"}], [1], {"a": 1}])
def test_a_record_that_is_none(tmp_path: Path, document: object) -> None:
    (tmp_path / "archives.json").write_text(json.dumps(document))
    with pytest.raises(DusklineError, match="is not a record of archives"):
        archive_places(tmp_path, tmp_path)
