"""DVC's objects, named by their content, in its cache and on a remote.

An object is the bytes of one file, or the listing of a folder (its name then ends in `.dir`). Both stores use
DVC's own library, so every kind of remote works as with `dvc push` and `dvc pull`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.runtime.progress import progress

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_LISTING = ".dir"
_PIECE = 1 << 20
# Parallel requests to a remote.
_AT_ONCE = 16
HOW_TO_REACH = (
    "check its address, that it exists, and that you have access; credentials come from the environment (S3: "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE) or from `dvc remote modify --local`"
)


@dataclass(frozen=True, slots=True)
class SharedObject:
    """An object of the project.

    oid: its MD5, 32 hex digits, and `.dir` for a listing. out: its output, such as `data/sets/city_pitts`;
    name: its path, or the first one if several files have these bytes. stage: the stage that makes it.
    """

    oid: str
    out: str
    name: str
    stage: str

    @property
    def is_listing(self) -> bool:
        """Whether it is the listing of a folder."""
        return self.oid.endswith(_LISTING)


class ObjectStore:
    """Objects by name, in DVC's cache or on a remote; `place` names it in messages."""

    def __init__(self, odb: Any, place: str) -> None:
        self._odb = odb
        self.place = place

    def sizes(self, oids: Sequence[str]) -> dict[str, int]:
        """Bytes of each object that exists; `DusklineError` if the store cannot be reached."""
        with self._reached():
            # The first alone, so that an unreachable store gives one error, not many.
            first = {oid: self._size(oid) for oid in oids[:1]}
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                others = zip(oids[1:], pool.map(self._size, oids[1:]), strict=True)
                known = first | dict(progress(others, total=len(oids) - 1, label=f"list {self.place}"))
        return {oid: size for oid, size in known.items() if size is not None}

    def is_good(self, oid: str) -> bool:
        """Read an object; whether its content matches its name."""
        digest = hashlib.md5(usedforsecurity=False)
        with self._reached(), self._odb.fs.open(self._odb.oid_to_path(oid), "rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest() == oid.removesuffix(_LISTING)

    def replace(self, oid: str, source: ObjectStore) -> None:
        """Replace a bad object by that of another store; `DusklineError` if it stays bad."""
        with self._reached():
            self.remove(oid)
            self._odb.add(source._odb.oid_to_path(oid), source._odb.fs, oid, check_exists=False)
        if not self.is_good(oid):
            raise DusklineError(
                f"{oid} was copied from {source.place} to {self.place}, but its content does not match",
                hint="check the two disks and the network: one of them damages data",
            )

    def remove(self, oid: str) -> None:
        """Remove a bad object: DVC trusts its name, and would not replace it."""
        with self._reached(), contextlib.suppress(FileNotFoundError):
            self._odb.delete(oid)

    def _size(self, oid: str) -> int | None:
        try:
            return int(self._odb.fs.info(self._odb.oid_to_path(oid))["size"])
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except DusklineError:
            raise
        except Exception as error:  # each kind of remote has its own errors
            raise unreachable(self.place, error) from error


def unreachable(place: str, error: Exception) -> DusklineError:
    """The error for a store that cannot be used."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    return DusklineError(f"{place}: {type(error).__name__}: {lines[0]}", hint=HOW_TO_REACH)


class SharedProject:
    """The DVC project at `root`, and what it can share; `MissingInputError` if there is none."""

    def __init__(self, root: Path) -> None:
        from dvc.exceptions import NotDvcRepoError
        from dvc.repo import Repo

        try:
            self.repo = Repo(str(root))
        except NotDvcRepoError as error:
            raise MissingInputError(f"{root} is not the root of a DVC project") from error
        self.cache = ObjectStore(self.repo.cache.local, "DVC's cache")

    def remote(self, name: str | None = None) -> ObjectStore:
        """The remote of that name, or the default one; `MissingInputError` if there is none."""
        from dvc.config import ConfigError

        try:
            odb = self.repo.cloud.get_remote_odb(name)
        except ConfigError as error:
            raise MissingInputError(str(error), hint="set one up with `duskline share URL`") from error
        except Exception as error:  # the library of its kind may be missing, or refuse its settings
            raise unreachable(f"the remote {name}" if name else "the default remote", error) from error
        return ObjectStore(odb, odb.fs.unstrip_protocol(self.repo.cloud.get_remote(name).path))

    def outs(self, wanted: Collection[str] = ()) -> list[Any]:
        """The finished outputs that DVC shares, or those at `wanted`; `MissingInputError` for others.

        In the order of the pipeline, so that an object belongs to the output that it was made for.
        """
        from networkx import dfs_postorder_nodes

        stages = dfs_postorder_nodes(self.repo.index.graph)
        outs = [out for stage in stages for out in stage.outs if out.use_cache and out.hash_info]
        found = {self.path_of(out): out for out in outs}
        unknown = sorted(set(wanted) - set(found))
        if unknown:
            raise MissingInputError(
                f"not a finished output that DVC shares: {', '.join(unknown)}",
                hint=f"known are {', '.join(sorted(found)) or 'none: run dvc repro first'}",
            )
        return [out for path, out in found.items() if not wanted or path in wanted]

    def objects(self, outs: Sequence[Any]) -> tuple[list[SharedObject], list[str]]:
        """The objects of these outputs, each once, and the outputs whose listing is not available anywhere.

        A listing that the cache lacks is taken from the default remote, and is then in the cache.
        """
        known: dict[str, SharedObject] = {}
        unlisted = []
        for out in outs:
            oid, path = str(out.hash_info.value), self.path_of(out)
            stage = str(getattr(out.stage, "name", None) or out.stage.addressing)
            known.setdefault(oid, SharedObject(oid, path, path, stage))
            if not out.hash_info.isdir:
                continue
            tree = self._tree(out)
            if tree is None:
                unlisted.append(path)
                continue
            for key, _, entry in tree:
                name = f"{path}/{'/'.join(key)}"
                known.setdefault(str(entry.value), SharedObject(str(entry.value), path, name, stage))
        return list(known.values()), unlisted

    def _tree(self, out: Any) -> Any:
        from dvc.exceptions import DvcException
        from dvc_objects.errors import ObjectFormatError

        try:
            # From the cache, else from the remote.
            return out.get_dir_cache()
        except (DvcException, ObjectFormatError, OSError):
            return None

    def path_of(self, out: Any) -> str:
        """The path of an output in the project, POSIX."""
        return Path(str(out.fs_path)).relative_to(self.repo.root_dir).as_posix()
