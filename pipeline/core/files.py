"""Atomic writing (beside the target, then renamed), digests, hard links, small JSON and CSV documents."""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import io
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from pipeline.runtime.errors import DusklineError, MissingInputError, UserError

# Errors of `os.link` that mean that links are not possible here.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES}


# Said of folders, pipes, sockets and devices.
NOT_PLAIN = "not a plain file"


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Open a hidden file beside `target`; rename it to `target` when the block succeeds.

    If the block fails, or the disk is full, the target is unchanged and nothing is left behind.
    The target itself is never opened for writing: it may be a read-only link into DVC's cache.
    """
    with _hidden_file(target) as beside:
        with beside.open("wb") as stream:
            yield stream
        beside.replace(target)


class _Digesting(io.RawIOBase):
    """Passes on what is written, and computes its SHA-256."""

    def __init__(self, stream: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._stream.write(data)


def write_digested(target: Path, fill: Callable[[BinaryIO], object]) -> Path:
    """Let `fill` write a file that has its digest in its name; return its path.

    That is `target` with the first 16 hex digits of the SHA-256 after its stem: `a.pt` becomes
    `a_0123456789abcdef.pt`. The content is never in memory as a whole; the file is written whole or not at
    all.
    """
    with _hidden_file(target) as beside:
        with beside.open("wb") as stream:
            digesting = _Digesting(stream)
            fill(cast(BinaryIO, digesting))
            fsync(stream)
        named = target.with_name(f"{target.stem}_{digesting.digest.hexdigest()[:16]}{target.suffix}")
        beside.replace(named)
    return named


@contextlib.contextmanager
def _hidden_file(target: Path, failed: str = "") -> Iterator[Path]:
    """Yield the path of a hidden file beside `target`; it is removed at the end if it still exists.

    failed: as in `unwritten`.
    """
    # 40 characters are at most 160 bytes; a name may have 255.
    beside = target.parent / f".{target.name[:40]}.{uuid.uuid4().hex[:12]}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
    except OSError as error:
        raise unwritten(target, error, failed) from error
    finally:
        # Where there is no such folder, or not even a folder, there is nothing to remove.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            beside.unlink()


def unwritten(target: Path, error: OSError, failed: str = "") -> DusklineError:
    """The error for a target that could not be written; `failed` replaces its first words."""
    return DusklineError(
        f"{failed or f'could not write {target}'}: {error.strerror or error}",
        hint="check free disk space and permissions, then run the same command again",
    )


def fsync(stream: BinaryIO) -> None:
    """Flush what was written to the disk.

    Without this, a crash of the machine can leave a file of zeros under its final name.
    """
    stream.flush()
    os.fsync(stream.fileno())


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target`, whole or not at all."""
    with atomic_write(target) as stream:
        stream.write(data)


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, whole or not at all."""
    write_bytes(target, text.encode("utf-8"))


def write_json(target: Path, document: object) -> None:
    """Write `document` with sorted keys, so that equal content is equal bytes."""
    write_text(target, json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON document; `DusklineError` names the file when it is not one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingInputError(f"no such file: {path}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise DusklineError(f"{path} is not a JSON document: {error}") from error


def write_csv(target: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV with a header line and Unix line ends, whole or not at all."""
    with atomic_write(target) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        # The module does not quote a lone carriage return, which it would read as the end of the row.
        careful = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        for row in rows:
            (careful if "\r" in "".join(map(str, row)) else writer).writerow(row)
        text.flush()
        text.detach()


def read_csv(path: Path, required: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a CSV with the line it ends on; missing files and columns and bad rows are errors."""
    if not path.is_file():
        raise MissingInputError(f"no such file: {path}")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        try:
            header = next(reader, [])
            missing = [column for column in required if column not in header]
            if missing:
                found = ", ".join(header) or "empty"
                raise DusklineError(f"{path} has no column {', '.join(missing)}; its header is {found}")
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise DusklineError(
                        f"{path}, line {reader.line_num}: {len(row)} values for {len(header)} columns"
                    )
                yield reader.line_num, dict(zip(header, row, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DusklineError(f"{path} is not a CSV in UTF-8: {error}") from error


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content as 64 hex digits, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_document(document: Mapping[str, object] | Sequence[object]) -> str:
    """SHA-256 of a JSON-able document, independent of the order of its keys."""
    return digest_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode("utf-8"))


def link(source: Path, target: Path) -> None:
    """Give the bytes of `source` a second name: a hard link, or a copy where links cannot be made.

    An existing `target` is replaced in one step.
    """
    if source.is_symlink():
        # Linux would give the symbolic link itself the second name (DVC may link its cache so).
        source = source.resolve()
    with contextlib.suppress(OSError):
        # The common case in one step: nothing is there yet. The steps below find out what is wrong.
        os.link(source, target)
        return
    require_file(source)
    with _hidden_file(target, f"could not link {source} to {target}") as beside:
        try:
            os.link(source, beside)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            shutil.copyfile(source, beside)
        beside.replace(target)


def require_replaceable(folder: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """Raise `UserError` unless `folder` is absent, empty or `is_ours`, which the message calls `what`."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not is_ours(folder))):
        raise UserError(
            f"{folder} is not empty and is not {what}, so it is not replaced",
            hint="remove it or give another folder",
        )


@contextlib.contextmanager
def replaced_folder(folder: Path, is_ours: Callable[[Path], bool], what: str) -> Iterator[Path]:
    """Yield a new folder beside `folder` that replaces it when the block succeeds, and is removed otherwise.

    Until then `folder` stays unchanged; it is replaced only if `require_replaceable` allows it. If it is a
    link, the folder that it points to is replaced. For one run at a time: what an earlier, killed run left is
    removed.
    """
    folder = folder.resolve()
    beside, before = (folder.with_name(f".{folder.name}.{end}.part") for end in ("new", "old"))
    require_replaceable(folder, is_ours, what)
    try:
        _restore(before, folder)
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
        yield beside
        if folder.exists():
            folder.rename(before)
        beside.rename(folder)
    except OSError as error:
        raise unwritten(folder, error) from error
    finally:
        _restore(before, folder)
        shutil.rmtree(beside, ignore_errors=True)


def _restore(before: Path, folder: Path) -> None:
    """Put the older folder back if the newer one is not in its place; otherwise remove the older one."""
    if before.exists() and not folder.exists():
        before.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


def why_no_file(path: Path) -> str:
    """Why nothing can be read at `path`, in words that follow its name; "" for a file, or a link to one.

    A pipe is refused, because reading it would wait forever. Raises `OSError` if `path` cannot be examined.
    """
    if path.is_file():
        return ""
    if path.is_symlink() and not path.exists():
        return f"is a link to {path.readlink()}, which does not exist"
    return NOT_PLAIN if path.exists() else "no such file"


def read_plain(path: Path) -> bytes:
    """Read a file that the user has given; `OSError` if it is not a plain file."""
    if reason := why_no_file(path):
        raise OSError(errno.EINVAL, reason, str(path))
    return path.read_bytes()


def require_folder(path: Path, *, hint: str = "") -> Path:
    """Return `path` if it is a folder; otherwise `MissingInputError` names it."""
    if not path.is_dir():
        raise MissingInputError(f"no such folder: {path}", hint=hint)
    return path


def require_file(path: Path, *, hint: str = "") -> Path:
    """Return `path` if it is a file; otherwise `MissingInputError` names it."""
    if not path.is_file():
        raise MissingInputError(f"no such file: {path}", hint=hint)
    return path
