"""How much disk what params.yaml asks for will take, as far as it is not there yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.datasets.archives.local_archives import find_local_archive
from pipeline.datasets.sources.registry import Source, SourceFile, read_source
from pipeline.forecast.image_counts import SetForecast, SetsForecast
from pipeline.runtime.errors import DusklineError

# Bytes of a street view of 640x480 pixels as JPEG: Pittsburgh's have 35 kB, SF-XL's 44.
PICTURE = 40_000
# Bytes of a pixel of the embedded city's pictures: of JPEG (measured 0.37), and of the raw form that has PNG.
_CITY_PIXEL, _CITY_PIXEL_PNG = 0.4, 2.0
# Bytes of a recogniser's file (a whole ResNet-18 has 45 MB), of two as an ensemble or of a larger backbone;
# and of the state of a training beside it: weights, the best ones and two moments.
_MODEL, _LARGE_MODEL, _STATES = 45_000_000, 120_000_000, 4
# A published UNIT checkpoint, where the file is not at hand.
_CHECKPOINT = 100_000_000
# Numbers of 4 bytes in a descriptor, by the backbone's channels.
_CHANNELS = {"resnet18conv4": 256, "resnet18conv5": 512, "resnet50conv4": 1024, "resnet50conv5": 2048}
_OTHER_CHANNELS = 512
# The store of descriptors keeps to this.
_MOST_DESCRIPTORS = 20 * 2**30

_ABOUT = re.compile(r"(?:[\d.]+-)?([\d.]+) ?([kMGT])B")
_FACTORS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}

ASSUMPTIONS = (
    f"assumed: {PICTURE // 1000} kB for a street view, a night as large as its day, sets that share pictures"
    " share files, models of 45 to 120 MB, states of trainings 4 times that, descriptors of at most 21 GB"
)

Place = Literal["archives", "data", "work", "models"]


@dataclass(frozen=True)
class Need:
    """What will be written: in words, into which folder, bytes.

    shared: whether DVC's cache holds it too. linked: whether `data` holds it too. Where files cannot be
    linked from one to the other, each has a copy.
    """

    what: str
    place: Place
    size: int
    shared: bool = False
    linked: bool = False


def disk_needs(
    params: Mapping[str, Any],
    sets: SetsForecast,
    raw: Path,
    models: Path,
    archives: Path,
    descriptors: Path,
) -> tuple[list[Need], list[str]]:
    """What is still to be written, and in words what of it nobody can tell the size of.

    raw, models, archives, descriptors: folders in which some of it may be already.
    """
    needs: list[Need] = []
    unknown: list[str] = []
    for name, section in (params.get("fetch") or {}).items():
        try:
            source = read_source(name)
        except DusklineError:
            unknown.append(f"source {name}")
            continue
        missing = _raw_need(source, section, raw, archives)
        if missing is None:
            unknown.append(f"archives of {name}")
        elif missing.size:
            needs.append(missing)
    for name in sets.names():
        forecast = sets.of(name)
        if forecast.there or forecast.stage in ("merge", "apart", "select"):
            continue
        if forecast.images is None:
            unknown.append(f"set {name}")
            continue
        size = round(forecast.images * _picture_size(forecast, params, sets))
        is_night = forecast.stage != "format"
        needs.append(
            Need(
                f"{'nights' if is_night else 'set'} {name}", "work" if is_night else "data", size, True, True
            )
        )
    needs += _model_needs(params, models)
    needs += _descriptor_need(params, sets, descriptors)
    return needs, unknown


def _raw_need(source: Source, section: Mapping[str, Any], raw: Path, archives: Path) -> Need | None:
    """None when the size of what is missing is not known."""
    if source.kind == "city":
        # Drawn once, at about the size of the sets that are made of it; the Tokyo form is PNG.
        size = 0 if (raw / source.name).is_dir() else _city_size(section)
        return Need("the drawn city", "data", size, shared=True)
    if source.kind == "checkpoint":
        place = Path(str(section.get("place", "")))
        size = place.stat().st_size if place.is_file() else _CHECKPOINT
        return Need(f"checkpoint {source.name}", "data", 0 if (raw / source.name).is_dir() else size, True)
    missing = [
        file for file in source.files if find_local_archive(archives, source.folders, file.name) is None
    ]
    sizes = [archive_size(file) for file in missing]
    if not missing:
        return Need(source.name, "archives", 0)
    if None not in sizes:
        known = sum(size for size in sizes if size is not None)
    elif source.expected:
        known = sum(source.expected.values()) * PICTURE
    else:
        return None
    return Need(f"archives of {source.name}", "archives", known)


def archive_size(file: SourceFile) -> int | None:
    """Bytes of a published archive; of a range in words the larger end; None when nobody knows."""
    if file.size is not None:
        return file.size
    found = _ABOUT.search(file.about)
    return None if found is None else round(float(found[1]) * _FACTORS[found[2]])


def _city_size(section: Mapping[str, Any]) -> int:
    pixels = int(section.get("width", 0)) * int(section.get("height", 0))
    yaws, tokyo = int(section.get("yaws", 1)), int(section.get("tokyo_places", 0))
    places = sum(int(section.get(f"{split}_places", 0)) for split in ("train", "val", "test"))
    of_pittsburgh = (
        places * (1 + float(section.get("query_share", 0))) * yaws * int(section.get("pitches", 1))
    )
    others = int(section.get("xs_places", 0)) * yaws + int(section.get("xs_queries", 0))
    queries = 3 * int(section.get("tokyo_queries", 0))
    return round(pixels * (_CITY_PIXEL * (of_pittsburgh + others + queries) + _CITY_PIXEL_PNG * tokyo * yaws))


def _picture_size(forecast: SetForecast, params: Mapping[str, Any], sets: SetsForecast) -> float:
    """Bytes of an image of a set that is not there: of its days where they are, or as assumed."""
    section = params[forecast.stage][forecast.name]
    if forecast.stage != "format":
        day = sets.of(str(section.get("day")))
        if day.picture:
            return day.picture
        if not day.stage:
            return PICTURE
        return _picture_size(day, params, sets) if day.stage == "format" else PICTURE
    source = (params.get("fetch") or {}).get(Path(str(section.get("raw"))).parent.name) or {}
    if source.get("kind") == "city":
        return _CITY_PIXEL * int(source.get("width", 0)) * int(source.get("height", 0))
    return PICTURE


def _model_needs(params: Mapping[str, Any], models: Path) -> Iterator[Need]:
    missing = {
        name: section for name, section in (params.get("train") or {}).items() if not (models / name).is_dir()
    }
    if missing:
        sizes = [_model_size(section) for section in missing.values()]
        yield Need(f"{len(sizes)} models", "models", sum(sizes), shared=True)
        yield Need("the state of a training", "work", _STATES * max(sizes))


def _model_size(section: Mapping[str, Any]) -> int:
    small = str(section.get("backbone")).startswith("resnet18") and not section.get("second_backbone")
    return _MODEL if small else _LARGE_MODEL


def _descriptor_need(params: Mapping[str, Any], sets: SetsForecast, there: Path) -> Iterator[Need]:
    """Descriptors of every experiment's databases, but for as much as is there, whichever that is of."""
    images = sum(sets.of(str(name)).tested or 0 for name in params.get("test_sets") or ())
    numbers = 0
    for section in (params.get("experiment") or {}).values():
        model = (params.get("train") or {}).get(section.get("model")) or {}
        numbers += _CHANNELS.get(str(model.get("backbone")), _OTHER_CHANNELS) * int(
            model.get("clusters") or 1
        )
    held = sum(path.stat().st_size for path in there.glob("*.npy"))
    size = min(_MOST_DESCRIPTORS, 4 * images * numbers) - held
    if size > 0:
        yield Need("descriptors", "work", size)
