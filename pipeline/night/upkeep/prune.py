"""Finds and removes nights in the work store that nothing uses.

A night is used if its file has another hard link (in a dataset, in DVC's cache). Datasets of shards, and
copies where hard links do not work, have no such links; so a night is also used if a night dataset lists it.
The part of a recipe that a run has open is left alone.

The store is valid at every moment: a journal line without its night only means that the night is made again.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.files import read_json
from pipeline.night.engine.store import JOURNAL, LOCK, NightFile, night_files, sweep
from pipeline.night.records.provenance import ORIGINS, read_origins
from pipeline.night.records.translator import RECIPE, recipe_digest
from pipeline.runtime.errors import DusklineError, StageRunningError
from pipeline.runtime.process_lock import only_run

# Digests of sources by the digest of their nights' recipe.
Named = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Amount:
    """A number of nights, and the bytes of their files."""

    nights: int = 0
    size: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.nights + other.nights, self.size + other.size)


@dataclass(frozen=True)
class Part:
    """One recipe's part of the store: its `folder`, and how much of it is used and unused.

    running: a run has it open, so nothing is counted or removed.
    """

    folder: Path
    used: Amount
    unused: Amount
    running: bool = False

    @property
    def title(self) -> str:
        """The recipe in short."""
        short = self.folder.name[:12]
        try:
            recipe: dict[str, Any] = read_json(self.folder / RECIPE)
            parts = [recipe["translator"], recipe["checkpoint_digest"][:12], recipe["settings"]]
            form = [f"{key} {value}" for key, value in recipe["output"].items()]
            return " ".join([short, *parts, recipe["numeric_path"], *form])
        except (DusklineError, LookupError, TypeError, AttributeError):
            return f"{short} (its {RECIPE} cannot be read)"


def survey(store: Path, sets: Path) -> list[Part]:
    """Count the nights in every recipe's part of `store`; `sets` is the folder of the sets in use.

    Raises `DusklineError` if a night dataset does not say what it uses.
    """
    named = _named(sets)
    return [_part(folder, named.get(folder.name, ())) for folder in _folders(store)]


def prune(store: Path, sets: Path) -> Amount:
    """Remove unused nights from `store`, and return how much that was; errors as in `survey`.

    A part without any used night is removed completely, with its records of images that have no night.
    """
    named = _named(sets)
    removed = Amount()
    for folder in _folders(store):
        with contextlib.suppress(StageRunningError), only_run(folder, LOCK):
            removed += _prune(folder, named.get(folder.name, ()))
    return removed


def _named(sets: Path) -> Named:
    """Read which nights the datasets below `sets` list; hidden folders are unfinished datasets."""
    named: dict[str, set[str]] = defaultdict(set)
    for recipe in sorted(sets.glob(f"[!.]*/{RECIPE}")):
        try:
            digest = recipe_digest(read_json(recipe))
            origins = read_origins(recipe.parent)
        except (DusklineError, LookupError, TypeError) as error:
            raise DusklineError(
                f"{recipe.parent} does not say which nights it uses: {error}",
                hint="run the stage that makes this dataset again, or remove the dataset; nothing was pruned",
            ) from error
        named[digest].update(origin.source_digest for origin in origins if origin.status == "done")
    return named


def _folders(store: Path) -> list[Path]:
    """The parts of the store; other files there are not ours."""
    return sorted(path for path in store.glob("*") if len(path.name) == 64 and path.is_dir())


def _part(folder: Path, named: Collection[str]) -> Part:
    try:
        with only_run(folder, LOCK):
            pass  # released before counting, so that a stage that starts meanwhile does not fail
    except StageRunningError:
        return Part(folder, Amount(), Amount(), running=True)
    amounts = {True: Amount(), False: Amount()}
    for night in night_files(folder):
        amounts[_is_used(night, named)] += Amount(1, night.size)
    return Part(folder, amounts[True], amounts[False])


def _is_used(night: NightFile, named: Collection[str]) -> bool:
    return night.links > 1 or night.source in named


def _prune(folder: Path, named: Collection[str]) -> Amount:
    sweep(folder)
    stays = bool(named)
    removed = Amount()
    for night in night_files(folder):
        if _is_used(night, named):
            stays = True
        else:
            Path(night.path).unlink()
            removed += Amount(1, night.size)
    for name in () if stays else (JOURNAL, ORIGINS, RECIPE):
        (folder / name).unlink(missing_ok=True)
    for place in folder.glob("??"):
        with contextlib.suppress(OSError):  # it is not empty
            place.rmdir()
    if [path.name for path in folder.iterdir()] == ["locks"]:
        shutil.rmtree(folder / "locks")
        with contextlib.suppress(OSError):  # the next run has already started there
            folder.rmdir()
    return removed
