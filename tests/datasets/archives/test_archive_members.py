from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.datasets.archives import archive_members
from pipeline.datasets.archives.archive_members import is_archive, member_names, members
from pipeline.runtime.errors import BadArchiveError, MissingInputError
from tests.datasets.raw_forms import write_tar, write_zip

CONTENT = {"a/1.jpg": b"x" * 512, "a/2.jpg": b"y" * 700, "b/empty.txt": b"", "b/3.jpg": os.urandom(5000)}


def packed(folder: Path, suffix: str, content: dict[str, bytes]) -> Path:
    path = folder / f"archive{suffix}"
    if suffix == ".zip":
        return write_zip(path, content, zipfile.ZIP_DEFLATED)
    return write_tar(path, content, "w" if suffix == ".tar" else "w:gz")


def nothing(name: str) -> bool:
    return False


ALL_FORMS = pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".zip"])


@ALL_FORMS
def test_members_are_read_in_their_order(tmp_path: Path, suffix: str) -> None:
    archive = packed(tmp_path, suffix, CONTENT)
    assert is_archive(archive)
    found = list(members(archive))
    assert [(member.name, member.read()) for member in found] == list(CONTENT.items())
    assert [member.size for member in found] == [len(data) for data in CONTENT.values()]
    assert found[0].label == f"archive{suffix}/a/1.jpg"
    assert member_names(archive) == list(CONTENT)


@ALL_FORMS
def test_only_wanted_members_come(tmp_path: Path, suffix: str) -> None:
    found = list(members(packed(tmp_path, suffix, CONTENT), {"b/3.jpg", "absent"}.__contains__))
    assert [(member.name, member.read()) for member in found] == [("b/3.jpg", CONTENT["b/3.jpg"])]


@pytest.mark.parametrize("suffix", [".tar", ".zip"])
def test_members_are_read_in_any_order_from_many_threads(tmp_path: Path, suffix: str) -> None:
    content = {f"{number}.bin": os.urandom(20_000) for number in range(60)}
    found = list(members(packed(tmp_path, suffix, content)))[::-1]
    with ThreadPoolExecutor(8) as pool:
        data = list(pool.map(lambda member: member.read(), found * 3))
    assert data == list(content.values())[::-1] * 3


def test_nothing_is_unpacked(tmp_path: Path) -> None:
    archive = packed(tmp_path, ".tar.gz", CONTENT)
    for member in members(archive):
        member.read()
    assert list(tmp_path.iterdir()) == [archive]


def test_folders_and_long_names_are_no_obstacle(tmp_path: Path) -> None:
    long = "/".join(["f" * 90] * 3) + "/ü.jpg"
    for format_ in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "a.tar", "w", format=format_) as tar:
            folder = tarfile.TarInfo("./")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            info = tarfile.TarInfo("./" + long)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
        assert [(member.name, member.read()) for member in members(tmp_path / "a.tar")] == [(long, b"abc")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.mkdir("folder")
        zipped.writestr("folder/a.jpg", b"abc")
    assert [member.name for member in members(tmp_path / "a.zip")] == ["folder/a.jpg"]


def test_missing_and_unknown_archives(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such archive: .*000\.tar"):
        list(members(tmp_path / "000.tar"))
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    assert not is_archive(tmp_path / "a.rar")
    with pytest.raises(BadArchiveError, match=r"a\.rar is not an archive that can be read") as caught:
        list(members(tmp_path / "a.rar"))
    assert ".tar.gz" in caught.value.hint


@ALL_FORMS
@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>" * 100], ids=["empty", "error page"])
def test_what_is_no_archive_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"archive{suffix}"
    path.write_bytes(content)
    with pytest.raises(
        BadArchiveError, match=rf"{path.name}.* cannot be read: truncated, damaged or not an archive"
    ):
        list(members(path))


@ALL_FORMS
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8])
def test_truncated_archives_are_named(tmp_path: Path, suffix: str, share: float) -> None:
    content = {f"{number}.bin": os.urandom(3000) for number in range(20)}
    path = packed(tmp_path, suffix, content)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadArchiveError, match=path.name):
        for member in members(path):
            member.read()


def test_a_truncated_tar_names_the_member_that_is_cut(tmp_path: Path) -> None:
    path = packed(tmp_path, ".tar", CONTENT)
    path.write_bytes(path.read_bytes()[:1600])
    with pytest.raises(
        BadArchiveError, match=r"archive\.tar is truncated: a/2\.jpg ends at byte 2,236, the file"
    ):
        list(members(path, nothing))


def test_a_damaged_header_is_no_end(tmp_path: Path) -> None:
    path = packed(tmp_path, ".tar", CONTENT)
    data = bytearray(path.read_bytes())
    data[1024:1034] = b"garbage!!!"
    path.write_bytes(data)
    with pytest.raises(BadArchiveError, match=r"archive\.tar is truncated or damaged at byte 1,024"):
        list(members(path))


def test_a_header_cut_in_two_is_no_end(tmp_path: Path) -> None:
    path = packed(tmp_path, ".tar", CONTENT)
    path.write_bytes(path.read_bytes()[:1200])
    with pytest.raises(BadArchiveError, match=r"archive\.tar is truncated or damaged at byte 1,024"):
        list(members(path))


def test_a_tar_that_shrinks_after_it_was_listed_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path, ".tar", CONTENT)
    last = list(members(path))[-1]
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(BadArchiveError, match=r"truncated: member b/3\.jpg has .* of 5,000 bytes"):
        last.read()
    path.unlink()
    with pytest.raises(BadArchiveError, match=r"member b/3\.jpg of .*archive\.tar cannot be read"):
        last.read()


def test_damaged_content_of_a_compressed_tar_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path, ".tar.gz", CONTENT)
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadArchiveError, match=r"archive\.tar\.gz cannot be read.*CRC"):
        list(members(path))


def test_damaged_content_of_a_zip_is_noticed_where_it_is_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"abcdef" * 50, "b.jpg": b"fine"})
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"abcdeg", 1))
    first, second = members(path)
    with pytest.raises(BadArchiveError, match=r"member a\.jpg of .*a\.zip cannot be read.*CRC"):
        first.read()
    assert second.read() == b"fine"


BAD_PATHS = ["/etc/passwd", "../outside", "a/../../outside", "C:\\windows\\x", "..\\outside", "\\\\server\\x"]


@pytest.mark.parametrize("name", BAD_PATHS)
@ALL_FORMS
def test_paths_that_escape_are_refused(tmp_path: Path, suffix: str, name: str) -> None:
    path = packed(tmp_path, suffix, {"good.jpg": b"x", name: b"x"})
    with pytest.raises(BadArchiveError) as caught:
        list(members(path, nothing))
    assert (
        f"{path}: rejected, because its member {name!r} has a path outside the folder" in caught.value.message
    )


def special(kind: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo("evil")
            info.type = kind
            info.linkname = "/etc/passwd"
            tar.addfile(info)

    return write


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_in_tars_are_refused(tmp_path: Path, kind: bytes) -> None:
    special(kind)(tmp_path / "a.tar")
    with pytest.raises(
        BadArchiveError, match=r"a\.tar: rejected, because its member 'evil' is a link to '/etc/pas"
    ):
        list(members(tmp_path / "a.tar"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_devices_and_sparse_files_in_tars_are_refused(tmp_path: Path, kind: bytes) -> None:
    special(kind)(tmp_path / "a.tar")
    with pytest.raises(
        BadArchiveError, match=r"a\.tar: rejected, because its member 'evil' is a device or sparse"
    ):
        list(members(tmp_path / "a.tar"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_zips_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("evil")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(info, "/etc/passwd")
    with pytest.raises(
        BadArchiveError, match=r"a\.zip: rejected, because its member 'evil' is a link or device"
    ):
        list(members(tmp_path / "a.zip"))


def test_encrypted_zips_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"secret"})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<H", data, central + 8, 1)
    path.write_bytes(data)
    with pytest.raises(BadArchiveError, match=r"a\.zip: member a\.jpg is encrypted"):
        list(members(path))


def test_absurd_sizes_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_members, "LARGEST_MEMBER", 1000)
    for suffix in (".tar", ".tar.gz", ".zip"):
        path = packed(tmp_path, suffix, {"a.jpg": os.urandom(1001)})
        with pytest.raises(
            BadArchiveError, match=r"its member 'a\.jpg' has 1,001 bytes, more than the limit of 1,000"
        ):
            list(members(path))


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_bombs_are_refused(tmp_path: Path, suffix: str) -> None:
    path = packed(tmp_path, suffix, {"bomb.jpg": bytes(20 << 20)})
    assert path.stat().st_size < 50_000
    with pytest.raises(BadArchiveError, match=r"'bomb\.jpg' expands .*to more than 200 times its size"):
        list(members(path, nothing))


def test_a_zip_that_lies_about_sizes_gives_no_more_than_it_claims(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": bytes(range(200)) * 5}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    (member,) = members(path)
    assert member.size == 10
    with pytest.raises(BadArchiveError, match=r"a\.jpg"):
        member.read()


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type = tarfile.XHDTYPE
    info.size = 4 << 30
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(2048))
    with pytest.raises(
        BadArchiveError, match=r"a\.tar cannot be read.*a header claims to have more than 1,048,576 bytes"
    ):
        list(members(tmp_path / "a.tar"))


def test_a_compressed_tar_may_not_go_on_for_ever(tmp_path: Path) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("a.jpg"))
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar.getvalue() + bytes(8 << 20)))
    with pytest.raises(BadArchiveError, match=r"a\.tar\.gz has megabytes of data after its end mark"):
        list(members(tmp_path / "a.tar.gz"))
