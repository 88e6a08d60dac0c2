"""How much disk space params.yaml still needs, beyond what exists already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.datasets.archives.local_archives import find_local_archive
from pipeline.datasets.sources.registry import Source, SourceFile, known_sources, read_source
from pipeline.forecast.image_counts import CITY_PIXEL, PICTURE, SetsForecast, drawn_counts
from pipeline.runtime.machine import Machine

# Size of the rendered city relative to the datasets made from it: a part of it is PNG.
_CITY_RAW = 1.3
# Bytes of a large model file (a whole ResNet-18 has 45 MB), and how many times that a training state has
# (weights, best weights and two moments).
_MODEL, _STATES = 120_000_000, 4
# Bytes of a descriptor for each cluster, with 512 channels, and the limit of the descriptor store.
_DESCRIPTOR, _MOST_DESCRIPTORS = 4 * 512, 20 * 2**30

_ABOUT = re.compile(r"(?:[\d.]+-)?([\d.]+) ?([kMGT])B")
_FACTORS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}

ASSUMPTIONS = (
    f"assumed: {PICTURE // 1000} kB for a street view, a night as large as its day, datasets that share"
    " images share files, models of 120 MB, training states of 4 times that, descriptors of at most 21 GB"
)

Place = Literal["archives", "data", "work"]


@dataclass(frozen=True)
class Need:
    """What will be written: in words, into which folder, and bytes; None if unknown.

    shared: whether DVC's cache, and for nights in `work` also `data`, has it too: as copies if links do not
    work.
    """

    what: str
    place: Place
    size: int | None
    shared: bool = True


def disk_needs(
    params: Mapping[str, Any], sets: SetsForecast, raw: Path, models: Path, machine: Machine
) -> list[Need]:
    """What is still to be written; raw, models: folders that may already have some of it."""
    needs = [*_source_needs(params, raw, machine.archives), *_set_needs(sets)]
    learnt = [*(params.get("train") or ()), *(params.get("adapt") or ())]
    trained = [name for name in learnt if not (models / name).is_dir()]
    if trained:
        needs.append(Need(f"{len(trained)} models", "data", _MODEL * len(trained)))
        needs.append(Need("the state of a training run", "work", _STATES * _MODEL, False))
    tested = sum(sets.of(str(name)).tested or 0 for name in params.get("test_sets") or ())
    trainings = params.get("train") or {}
    tests = (params.get("experiment") or {}).values()
    clusters = sum(int(trainings.get(one.get("model"), {}).get("clusters") or 1) for one in tests)
    most = min(_MOST_DESCRIPTORS, tested * clusters * _DESCRIPTOR)
    held = sum(path.stat().st_size for path in (machine.work / "descriptors").glob("*.npy"))
    needs.append(Need("descriptors", "work", max(0, most - held), False))
    return [need for need in needs if need.size != 0]


def _source_needs(params: Mapping[str, Any], raw: Path, archives: Path) -> Iterator[Need]:
    for name, section in (params.get("fetch") or {}).items():
        if name in known_sources() and read_source(name).kind == "archives":
            source = read_source(name)
            sizes = [archive_size(file) for file in missing_archives(source, archives)]
            known = [size for size in sizes if size is not None]
            size = sum(known) if len(known) == len(sizes) else sum(source.expected.values()) * PICTURE or None
            yield Need(f"archives of {name}", "archives", size, False)
        elif (forms := drawn_counts(section)) and not (raw / name).is_dir():
            pixels = sum(sum(form.values()) for form in forms.values()) * section["width"] * section["height"]
            yield Need("the rendered city", "data", round(_CITY_RAW * CITY_PIXEL * pixels))


def missing_archives(source: Source, held: Path) -> list[SourceFile]:
    """The archives of a source that are missing in the folder `held`."""
    return [file for file in source.files if find_local_archive(held, source.folders, file.name) is None]


def archive_size(file: SourceFile) -> int | None:
    """Bytes of a published archive, the larger end of a range; None if unknown."""
    if file.size is not None:
        return file.size
    found = _ABOUT.search(file.about)
    return None if found is None else round(float(found[1]) * _FACTORS[found[2]])


def _set_needs(sets: SetsForecast) -> Iterator[Need]:
    for name in sets.names():
        forecast = sets.of(name)
        if not forecast.there:
            is_day = forecast.stage == "format"
            what = f"dataset {name}" if is_day else f"nights {name}"
            yield Need(what, "data" if is_day else "work", forecast.new_bytes)
