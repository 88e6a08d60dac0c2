"""Translates any folder of images: keeps its folder tree, and never changes its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

from pipeline.core.files import NOT_PLAIN, atomic_write, digest_file, require_folder, write_json
from pipeline.core.image_files import picture_files
from pipeline.core.image_formats import PICTURE_SUFFIXES, picture_size
from pipeline.datasets.image_set.image_set import MANIFEST
from pipeline.night.engine.journal import Entry
from pipeline.night.engine.plan import Source
from pipeline.night.engine.translate_set import Job, Nights, finished_nights, task_below
from pipeline.night.records.provenance import ORIGINS, Origin, read_origins, write_origins
from pipeline.night.records.summary import NightSummary, check_share
from pipeline.night.records.translator import RECIPE, MakeTranslator, OutputFormat
from pipeline.runtime.errors import (
    DusklineError,
    MissingInputError,
    ParameterError,
    UserError,
    listed,
    printable,
)
from pipeline.runtime.machine import Engine
from pipeline.runtime.progress import progress


def translate_folder(
    folder: Path,
    out: Path,
    make_translator: MakeTranslator,
    output: OutputFormat,
    store: Path,
    workers: int,
    max_failed: float,
    engine: Engine = "local",
) -> NightSummary:
    """Write the night of every image below `folder` into `out`, with `origins.csv` and `recipe.json`.

    `a/b.JPG` becomes `a/bn.jpg`; images are those of `picture_files`. Only what `store` lacks is translated.
    Nights are copies from there, not links, so that an edit stays in `out`; the next run restores changed
    nights, and copies nothing else. A night from an earlier run is removed from `out` if its image is gone;
    other files in `out` are kept. Nothing is ever written into `folder`.

    A file in the place of a night that is not listed in the `origins.csv` of `out` is a `UserError` before
    anything is translated; so is an invalid `origins.csv`, or a `recipe.json` without one.

    An image without a night is a row of `origins.csv` with its reason. If more than the share `max_failed`
    has none, `DusklineError` gives the reasons, after the others are written. Other errors as in
    `finished_nights`; `ParameterError` if `out` or `store` is inside `folder`, or contains it.
    """
    check_share(max_failed)
    require_folder(folder)
    _require_apart(folder, out, "the nights")
    _require_apart(folder, store, "the work store")
    names = picture_files(folder)
    if not names:
        raise MissingInputError(f"no images ({', '.join(PICTURE_SUFFIXES)}) in {folder} or below it")
    _require_own_names(names, output.suffix)
    name_of = partial(night_of, suffix=output.suffix)
    targets = [name_of(name) for name in names]
    before = _earlier(out)
    _require_no_way_back(folder, out, [*(origin.name for origin in before), *targets])
    _require_ours(out, targets, before)
    sizes: set[tuple[int, int]] = set()
    sources = list(progress(_digested(folder, names, workers, sizes), total=len(names), label="read"))
    job = Job(sources, partial(task_below, folder), make_translator, output, store, workers, sizes, engine)
    with finished_nights(job) as nights:
        origins = list(nights.origins(sources, name_of))
        _remove_stale(out, before, {origin.name for origin in origins if origin.status == "done"})
        # Before the nights, so that the table lists everything that a killed run has written.
        write_origins(out, origins)
        write_json(out / RECIPE, nights.store.recipe.document())
        _place(out, origins, nights)
        summary = nights.summary(sources)
    summary.require(max_failed, out / ORIGINS)
    return summary


def night_of(name: str, suffix: str) -> str:
    """Name the night of an image: `a/b.JPG` becomes `a/bn.jpg`."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}n{suffix}"))


def _require_apart(folder: Path, other: Path, what: str) -> None:
    one, two = folder.resolve(), other.resolve()
    if one.is_relative_to(two) or two.is_relative_to(one):
        raise ParameterError(
            f"{what} would be written to {two}, and the images are in {one}: one contains the other",
            hint="nothing is ever written beside the images; give another folder",
        )


def _require_no_way_back(folder: Path, out: Path, names: Iterable[str]) -> None:
    """Refuse an `out` in which linked folders lead to the image folder."""
    inside = folder.resolve()
    for parent in sorted({(out / name).parent for name in names}):
        if parent.resolve().is_relative_to(inside):
            raise ParameterError(
                f"{parent} leads into the image folder, {inside}",
                hint="nothing is ever written beside the images; remove that link",
            )


def _require_own_names(names: Sequence[str], suffix: str) -> None:
    by_night = defaultdict(list)
    for name in names:
        by_night[night_of(name, suffix)].append(name)
    shared = [f"{' and '.join(days)} ({night})" for night, days in by_night.items() if len(days) > 1]
    if shared:
        raise UserError(
            f"images whose nights would have the same name:{listed(shared)}",
            hint="rename them, or translate them from different folders",
        )


def _earlier(out: Path) -> tuple[Origin, ...]:
    """Read the origins of an earlier run in `out`, if any; a table that is not ours is refused."""
    if (out / MANIFEST).is_file():
        raise UserError(
            f"{out} is a dataset; the nights of a folder do not belong in it",
            hint="give another folder for the nights; nothing was written",
        )
    if not os.path.lexists(out / ORIGINS):
        return ()
    try:
        return read_origins(out)
    except DusklineError as error:
        raise UserError(
            f"the nights would replace a file that is not from an earlier run: {error.message}",
            hint="move it away, or give another folder for the nights; nothing was written",
        ) from error


def _require_ours(out: Path, targets: Iterable[str], before: Collection[Origin]) -> None:
    """Refuse to replace files that no earlier run wrote."""
    ours = {origin.name for origin in before if origin.status == "done"}
    if os.path.lexists(out / ORIGINS):
        ours.add(RECIPE)
    foreign = [name for name in (RECIPE, *targets) if name not in ours and os.path.lexists(out / name)]
    if foreign:
        raise UserError(
            f"{out} already has {len(foreign):,} of the files to be written, not from an earlier run:"
            f"{listed(foreign)}",
            hint="move them away, or give another folder for the nights; nothing was written",
        )


def _digested(
    folder: Path, names: Sequence[str], threads: int, sizes: set[tuple[int, int]]
) -> Iterator[Source]:
    """Compute the digest of each file, and add the image sizes to `sizes`."""

    def digested(name: str) -> Source:
        try:
            name.encode("utf-8")
            if not stat.S_ISREG((folder / name).stat().st_mode):
                return Source(name, "", NOT_PLAIN)
            if size := picture_size(folder / name):
                sizes.add(size)
            return Source(name, digest_file(folder / name))
        except UnicodeEncodeError:
            return Source(printable(name), "", "its name is not UTF-8")
        except OSError as error:
            return Source(name, "", f"cannot be read ({error.strerror or error})")

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(digested, names)


def _remove_stale(out: Path, before: Collection[Origin], kept: Collection[str]) -> None:
    """Remove nights of an earlier run that are no longer needed, unless somebody changed them."""
    for origin in before:
        path = out / origin.name
        if ".." in Path(origin.name).parts or Path(origin.name).is_absolute():
            continue  # we did not write it
        if origin.status == "done" and origin.name not in kept and path.is_file():
            if digest_file(path) == origin.digest:
                path.unlink()
            with contextlib.suppress(OSError):  # a folder that is not empty stays
                for parent in path.relative_to(out).parents[:-1]:
                    (out / parent).rmdir()


def _place(out: Path, origins: Sequence[Origin], nights: Nights) -> None:
    """Copy the nights to their places: through a link, an edit would change the store and DVC's cache."""
    for origin in progress(origins, total=len(origins), label="copy"):
        entry = nights.store.entry(origin.source_digest) if origin.status == "done" else None
        target = out / origin.name
        if entry is not None and not _is_there(target, entry):
            kept = Path(nights.store.path(origin.source_digest))
            with atomic_write(target) as stream, kept.open("rb") as night:
                shutil.copyfileobj(night, stream)


def _is_there(target: Path, entry: Entry) -> bool:
    """Whether the night is in its place already, as a file of its own."""
    try:
        found = target.lstat()
    except OSError:
        return False
    return found.st_nlink == 1 and found.st_size == entry.size and digest_file(target) == entry.digest
