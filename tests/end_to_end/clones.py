"""What tests of sharing do with a project: commit it, share it, clone it, and look at what is where."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.end_to_end.project import Project

MERGED = "data/sets/city_pitts_dn"
_AUTHOR = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


def commit(project: Project) -> None:
    """Commit the code, the settings and the lock file, as a user does before others clone."""
    project.run("git", "add", "-A")
    project.run("git", *_AUTHOR, "commit", "-q", "--allow-empty", "-m", "Share")


def duskline(project: Project, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command `duskline` in a project."""
    code = "from stages.cli import main; main()"
    return project.run(sys.executable, "-c", code, *arguments, check=check)


def clone(project: Project, root: Path) -> Project:
    """Clone a project as somebody else does, who has a site cache of their own."""
    root.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "-q", str(project.root), str(root)], check=True)
    return Project(root)


def files_of(root: Path, *folders: str) -> dict[str, bytes]:
    """The content of all files below `folders` by their paths."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def bad_objects(store: Path) -> list[str]:
    """Objects of a cache or a folder remote whose content is not what their name says."""
    return [oid for oid, path in objects(store) if _md5(path) != oid.removesuffix(".dir")]


def objects(store: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the objects of a cache or a folder remote; litter of killed runs is none."""
    for path in sorted((store / "files" / "md5").glob("??/*")):
        oid = path.parent.name + path.name
        if len(oid.removesuffix(".dir")) == 32:
            yield oid, path


def object_of(store: Path, file: Path) -> Path:
    """Where a cache or a folder remote keeps the bytes of `file`."""
    oid = _md5(file)
    return store / "files" / "md5" / oid[:2] / oid[2:]


def spoil(path: Path) -> None:
    """Change bytes of a read-only file in their places, as a failing disk does."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(mode)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
