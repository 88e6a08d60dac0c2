"""How many images the sets of params.yaml have, or will have once they are made."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.city.settings import CitySettings
from pipeline.core.params import build
from pipeline.datasets.formatting.readers.traverses import TraversesSettings, kept_frames
from pipeline.datasets.image_set.image_set import MANIFEST, ROLES, SUFFIXES
from pipeline.datasets.sources.registry import known_sources, read_source
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.stage_outs import SET_STAGES

# Images by "split/role", as in manifests.
Counts = Mapping[str, int]

# Of photographs as they come, whose places in a set the form decides.
_ANYWHERE = "all"


@dataclass(frozen=True)
class SetForecast:
    """A set's images as its next run will make them: `counts` by split and role, None when nobody knows yet.

    stage: which makes it. there: whether it is made already; then `picture` is the mean of its images' bytes.
    """

    name: str
    stage: str
    counts: Counts | None
    there: bool = False
    picture: float = 0.0

    @property
    def images(self) -> int | None:
        """All of them."""
        return None if self.counts is None else sum(self.counts.values())

    @property
    def tested(self) -> int | None:
        """Those of the test split, which evaluation looks at; None when the split is not known."""
        if self.counts is None or _ANYWHERE in self.counts:
            return None
        return sum(self.counts.get(f"test/{role}", 0) for role in ROLES)


class SetsForecast:
    """The sets that `params` asks for, below the folder `sets`; each is looked at when it is asked for."""

    def __init__(self, params: Mapping[str, Any], sets: Path) -> None:
        self._params = params
        self._sets = sets
        self._known: dict[str, SetForecast] = {}

    def names(self) -> list[str]:
        """In the order of the journey."""
        return [str(name) for stage in SET_STAGES for name in self._params.get(stage) or {}]

    def of(self, name: str) -> SetForecast:
        """What is known of one set; of one that params.yaml does not make, whatever lies there."""
        if name not in self._known:
            stage = next((stage for stage in SET_STAGES if name in (self._params.get(stage) or {})), "")
            # For sets that are made of each other in a ring, which DVC will refuse.
            self._known[name] = SetForecast(name, stage, None)
            there = _counted(self._sets / name / MANIFEST)
            counted, size = there or (None, 0)
            counts = self._certain(name, stage) or counted or self._likely(name, stage)
            images = 0 if counted is None else sum(counted.values())
            mean = size / images if images else 0.0
            self._known[name] = SetForecast(name, stage, counts, there is not None, mean)
        return self._known[name]

    def _certain(self, name: str, stage: str) -> Counts | None:
        """Counts that follow from the parameters, whatever an earlier run with others has made."""
        if stage == "format":
            return _drawn(self._params[stage][name], self._params)
        if stage not in ("translate", "photometric", "merge"):
            return None
        section = self._params[stage][name]
        counts = self.of(str(section.get("day"))).counts
        if counts is None or stage != "merge":
            return counts
        nights = self.of(str(section.get("night"))).counts or counts
        share = section.get("keep_nights", 1.0)
        return {place: count + round(share * nights.get(place, 0)) for place, count in counts.items()}

    def _likely(self, name: str, stage: str) -> Counts | None:
        """Counts that are known of elsewhere, or the most that there can be, of a set that is not there."""
        if stage == "format":
            return _of_raw_data(self._params[stage][name], self._params)
        if stage not in ("apart", "select"):
            return None
        section = self._params[stage][name]
        counts = self.of(str(section.get("dataset"))).counts
        if counts is not None and section.get("expected"):
            return {**counts, "test/queries": section["expected"]}
        return counts


def _counted(manifest: Path) -> tuple[Counts, int] | None:
    """Counts and bytes of a set that is there; None without a manifest that can be read."""
    counts: Counter[str] = Counter()
    size = 0
    try:
        with manifest.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                _, split, role, _ = row["name"].split("/", 3)
                counts[f"{split}/{role}"] += 1
                size += int(row["size"])
    except (OSError, ValueError, LookupError, csv.Error):
        return None
    return counts, size


def _drawn(section: Mapping[str, Any], params: Mapping[str, Any]) -> Counts | None:
    """Counts of a set that is made of the embedded city, by its plan; None for others."""
    raw = Path(str(section.get("raw")))
    source = (params.get("fetch") or {}).get(raw.parent.name)
    try:
        counts = drawn_counts(source)
    except DusklineError:
        return None
    return None if counts is None else counts.get(raw.name)


def drawn_counts(source: Any) -> dict[str, Counts] | None:
    """Counts by raw form, of a section under `fetch` that is a city; None of others, errors as `build`."""
    if not isinstance(source, Mapping) or source.get("kind") != "city":
        return None
    settings = {key: value for key, value in source.items() if key != "kind"}
    return city_counts(build(CitySettings, settings, "fetch"))


def _of_raw_data(section: Mapping[str, Any], params: Mapping[str, Any]) -> Counts | None:
    """Counts that the registry has of a published set, or of a folder's pictures; None when nobody knows."""
    raw = Path(str(section.get("raw")))
    name = section.get("expected") or (raw.name if raw.name in (params.get("fetch") or {}) else None)
    if name is not None:
        return (read_source(name).expected or None) if name in known_sources() else None
    if section.get("form") == "traverses":
        return _of_traverses(raw, section)
    pictures = sum(path.suffix.lower() in (*SUFFIXES, ".jpeg") for path in raw.rglob("*"))
    return {_ANYWHERE: pictures} if pictures else None


def _of_traverses(raw: Path, section: Mapping[str, Any]) -> Counts | None:
    """Counts of walks whose frames lie in `raw`; None where they would be refused."""
    chosen = {key: value for key, value in section.items() if key not in ("raw", "form", "expected")}
    counts: Counter[str] = Counter()
    try:
        settings = build(TraversesSettings, chosen, "format")
        for folder, numbers in kept_frames(raw, settings).items():
            counts[f"{settings.split}/{settings.by_folder[folder].role}"] += len(numbers)
    except DusklineError:
        return None
    return counts


def city_counts(settings: CitySettings) -> dict[str, Counts]:
    """Images of the three raw forms that the city is drawn in, without planning its streets."""
    views = settings.yaws * settings.pitches
    pittsburgh = {}
    for split in ("train", "val", "test"):
        places = getattr(settings, f"{split}_places")
        pittsburgh[f"{split}/database"] = places * views
        pittsburgh[f"{split}/queries"] = max(1, round(places * settings.query_share)) * views
    return {
        "pittsburgh": pittsburgh,
        "tokyo247": {
            "test/database": settings.tokyo_places * settings.yaws,
            "test/queries": 3 * settings.tokyo_queries,
        },
        "xs": {"test/database": settings.xs_places * settings.yaws, "test/queries": settings.xs_queries},
    }
