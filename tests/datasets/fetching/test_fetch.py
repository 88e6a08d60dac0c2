from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.files import read_json
from pipeline.datasets.archives.local_archives import archive_places
from pipeline.datasets.fetching.fetch import Fetched, fetch_archives
from pipeline.datasets.sources.registry import Source, SourceFile
from pipeline.runtime.errors import BadArchiveError, MissingInputError, UserError
from tests.datasets.local_server import LocalServer
from tests.datasets.raw_forms import write_tar

pytestmark = pytest.mark.usefixtures("no_waits")


def tar(content: bytes, mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("000/a.jpg")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


DATA = {"000.tar": tar(b"first archive"), "splits.tar.gz": tar(b"the split files", "w:gz")}
PAGE = b"<!DOCTYPE html><html><body>Quota exceeded</body></html>"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file(name: str, *addresses: str, sha256: str = "") -> SourceFile:
    return SourceFile(name=name, about="13 bytes", addresses=addresses, drive="", sha256=sha256)


def source(*files: SourceFile, terms: str = "Write to the authors first.") -> Source:
    return Source(
        name="made_up",
        title="Made up",
        kind="archives",
        licence="none",
        citation="A. Author 2013",
        terms=terms,
        published="",
        files=files,
    )


class Place:
    """The folders of one project."""

    def __init__(self, root: Path) -> None:
        self.raw, self.held, self.pinned = root / "raw" / "made_up", root / "archives", root / "pinned.csv"

    def hold(self, **changed: bytes) -> None:
        for name, data in DATA.items():
            path = self.held / "made_up" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(changed.get(name, data))

    def fetch(self, what: Source, *, accept_terms: bool = False) -> Fetched:
        return fetch_archives(what, self.raw, held=self.held, pinned=self.pinned, accept_terms=accept_terms)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_held_archives_are_recorded_pinned_and_left_where_they_lie(place: Place) -> None:
    place.hold()
    inodes = {path.name: path.stat().st_ino for path in (place.held / "made_up").iterdir()}
    fetched = place.fetch(source(*(file(name) for name in DATA)))
    size = sum(map(len, DATA.values()))
    assert (fetched.held, fetched.downloaded, fetched.pinned, fetched.size) == (2, 0, 2, size)
    assert [path.name for path in place.raw.iterdir()] == ["archives.json"]
    assert read_json(place.raw / "archives.json") == [
        {"name": name, "place": f"made_up/{name}", "sha256": sha256(data), "size": len(data)}
        for name, data in DATA.items()
    ]
    places = archive_places(place.raw, place.held)
    assert {name: path.read_bytes() for name, path in places.items()} == DATA
    assert {path.name: path.stat().st_ino for path in places.values()} == inodes


def test_a_second_fetch_pins_nothing_and_writes_the_same(place: Place) -> None:
    place.hold()
    what = source(*(file(name) for name in DATA))
    place.fetch(what)
    before = ((place.raw / "archives.json").read_bytes(), place.pinned.read_bytes())
    assert place.fetch(what).pinned == 0
    assert ((place.raw / "archives.json").read_bytes(), place.pinned.read_bytes()) == before


def test_a_held_archive_that_changed_is_refused(place: Place) -> None:
    place.hold()
    what = source(*(file(name) for name in DATA))
    place.fetch(what)
    place.hold(**{"000.tar": b"another file"})
    with pytest.raises(UserError, match=r"000\.tar of made_up is not the expected file"):
        place.fetch(what)


def test_missing_archives_are_downloaded_once_terms_are_accepted(place: Place, server: LocalServer) -> None:
    server.files = {f"/{name}": data for name, data in DATA.items()}
    what = source(*(file(name, server.address(f"/{name}")) for name in DATA))
    assert place.fetch(what, accept_terms=True).downloaded == 2
    assert (place.held / "made_up" / "000.tar").read_bytes() == DATA["000.tar"]
    assert place.fetch(what, accept_terms=True).downloaded == 0
    assert server.asked == ["/000.tar", "/splits.tar.gz"]


def test_terms_not_accepted_shows_them_with_files_sizes_addresses_and_folders(
    place: Place, server: LocalServer
) -> None:
    address = server.address("/000.tar")
    with pytest.raises(UserError) as caught:
        place.fetch(source(file("000.tar", address, "http://mirror/000.tar"), file("own.tar")))
    message = str(caught.value)
    assert f"2 of 2 archives of made_up are neither in {place.held}/made_up nor in {place.held}" in message
    assert f"000.tar (13 bytes) from {address} or http://mirror/000.tar" in message
    assert "own.tar (13 bytes) from no known address" in message
    assert "Write to the authors first." in message
    assert "to cite: A. Author 2013" in message
    assert "accept_terms: true under fetch.made_up" in message
    assert server.asked == []
    assert not place.raw.exists()


def test_without_terms_nobody_is_asked(place: Place, server: LocalServer) -> None:
    server.files["/000.tar"] = DATA["000.tar"]
    assert place.fetch(source(file("000.tar", server.address("/000.tar")), terms="")).downloaded == 1


def test_the_next_address_is_tried(place: Place, server: LocalServer) -> None:
    server.files = {"/half": DATA["000.tar"], "/wrong": b"an error page", "/good": DATA["000.tar"]}
    server.broken.add("/half")
    addresses = [server.address(path) for path in ("/nowhere", "/half", "/wrong", "/good")]
    what = source(file("000.tar", *addresses, sha256=sha256(DATA["000.tar"])))
    assert place.fetch(what, accept_terms=True) == Fetched(what, 0, 1, 0, len(DATA["000.tar"]))
    assert list(dict.fromkeys(server.asked)) == ["/nowhere", "/half", "/wrong", "/good"]


def test_a_mirror_that_gives_another_file_than_the_pinned_one_is_passed_over(
    place: Place, server: LocalServer
) -> None:
    place.hold()
    place.fetch(source(*(file(name) for name in DATA)))
    (place.held / "made_up" / "000.tar").unlink()
    server.files = {"/wrong": b"an error page", "/good": DATA["000.tar"]}
    what = source(file("000.tar", server.address("/wrong"), server.address("/good")))
    assert place.fetch(what, accept_terms=True).downloaded == 1
    assert (place.held / "made_up" / "000.tar").read_bytes() == DATA["000.tar"]


def test_a_download_that_is_no_archive_is_never_pinned_and_not_left(
    place: Place, server: LocalServer
) -> None:
    server.files = {"/page": PAGE, "/cut": DATA["000.tar"][:600]}
    addresses = [server.address("/page"), server.address("/cut")]
    with pytest.raises(MissingInputError) as caught:
        place.fetch(source(file("000.tar", *addresses)), accept_terms=True)
    for address in addresses:
        assert f"{address}: {place.held}/made_up/000.tar" in str(caught.value)
    assert str(caught.value).count("the file was removed") == 2
    assert not place.pinned.exists()
    assert not (place.held / "made_up" / "000.tar").exists()
    server.files["/cut"] = DATA["000.tar"]
    assert place.fetch(source(file("000.tar", *addresses)), accept_terms=True).pinned == 1


@pytest.mark.parametrize("data", [PAGE, b"", b"\0" * 10_240, DATA["000.tar"][:700]])
def test_a_held_file_that_is_no_archive_is_never_pinned_and_left_alone(place: Place, data: bytes) -> None:
    place.hold(**{"000.tar": data})
    with pytest.raises(
        BadArchiveError, match=r"made_up/000\.tar (cannot be read|is truncated|contains no files)"
    ):
        place.fetch(source(*(file(name) for name in DATA)))
    assert not place.pinned.exists()
    assert not place.raw.exists()
    assert (place.held / "made_up" / "000.tar").read_bytes() == data


def test_archives_in_the_folder_of_a_source_that_shares_them_are_held(place: Place) -> None:
    place.hold()
    what = replace(source(file("000.tar")), name="larger", shares_with=("made_up",))
    assert place.fetch(what).held == 1
    (entry,) = read_json(place.raw / "archives.json")
    assert entry["place"] == "made_up/000.tar"


def test_when_no_address_is_left_all_reasons_are_told(place: Place, server: LocalServer) -> None:
    server.files = {"/wrong": b"an error page"}
    addresses = [server.address(path) for path in ("/nowhere", "/wrong")]
    what = source(file("000.tar", *addresses, sha256="a" * 64), file("own.tar"))
    with pytest.raises(MissingInputError) as caught:
        place.fetch(what, accept_terms=True)
    message = str(caught.value)
    assert "000.tar of made_up could not be downloaded from any address" in message
    assert "404" in message
    assert f"expected a file with SHA-256 {'a' * 64}, found {sha256(b'an error page')}" in message
    assert "2 of 2 archives of made_up are neither in" in message
    assert "own.tar (13 bytes) from no known address" in message
    assert not (place.held / "made_up" / "000.tar").exists()


def test_what_was_downloaded_before_a_failure_is_kept(place: Place, server: LocalServer) -> None:
    server.files["/000.tar"] = DATA["000.tar"]
    what = source(file("000.tar", server.address("/000.tar")), file("b.tar", server.address("/b.tar")))
    for _ in range(2):
        with pytest.raises(MissingInputError, match="1 of 2 archives"):
            place.fetch(what, accept_terms=True)
    assert server.asked == ["/000.tar", "/b.tar", "/b.tar"]


def test_a_held_file_without_the_published_digest_is_refused(place: Place) -> None:
    place.hold()
    with pytest.raises(UserError, match=r"its authors published SHA-256 a{64}, found"):
        place.fetch(source(file("000.tar", sha256="a" * 64)))
    assert (place.held / "made_up" / "000.tar").read_bytes() == DATA["000.tar"]


def test_counts_title_and_licence_in_words() -> None:
    words = str(Fetched(source(), held=1, downloaded=7, pinned=0, size=6_200_000_000))
    assert words == "1 found, 7 downloaded, 6,200.0 MB (Made up; licence: none)"
    assert ", 2 digests pinned for the first time (" in str(Fetched(source(), 2, 0, 2, 9))


def test_other_versions_of_known_files_in_an_archive_are_refused(place: Place) -> None:
    data = {"datasets/a.mat": b"one", "datasets/b.mat": b"two", "datasets/more.txt": b"three"}
    write_tar(place.held / "made_up" / "splits.tar.gz", data, "w:gz")
    known = {"a.mat": sha256(b"one"), "b.mat": sha256(b"two"), "c.mat": sha256(b"elsewhere")}
    good = source(replace(file("splits.tar.gz"), members=known))
    assert place.fetch(good).held == 1
    bad = source(replace(file("splits.tar.gz"), members=known | {"b.mat": "0" * 64}))
    with pytest.raises(UserError, match="has other versions of 1 files") as caught:
        place.fetch(bad)
    assert f"b.mat: expected SHA-256 {'0' * 64}, found {sha256(b'two')}" in str(caught.value)


def test_a_file_of_another_size_is_refused_before_its_digest_is_taken(place: Place) -> None:
    place.hold()
    what = source(replace(file("000.tar"), size=len(DATA["000.tar"]) + 1))
    with pytest.raises(UserError, match=r"the correct 000\.tar has 10,241"):
        place.fetch(what)
