"""How many images the sets of params.yaml have, or will have once they are made."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.city.settings import CitySettings
from pipeline.core.errors import DusklineError
from pipeline.core.params import build
from pipeline.datasets.image_set import MANIFEST, ROLES, SUFFIXES
from pipeline.datasets.registry import known_sources, read_source

# Images by "split/role", as in manifests.
Counts = Mapping[str, int]

# The stages that make a set, with the parameter that names the set they make it of.
MADE_OF = {
    "translate": "day",
    "photometric": "day",
    "merge": "day",
    "apart": "dataset",
    "select": "dataset",
}
SET_STAGES = ("format", *MADE_OF)

# Of photographs as they come, whose places in a set the form decides.
_ANYWHERE = "all"


@dataclass(frozen=True)
class SetOutlook:
    """A set's images: `counts` by split and role, None when nobody knows yet.

    stage: which makes it. there: whether it is made, and was counted. size: bytes of its images, when it is.
    """

    name: str
    stage: str
    counts: Counts | None
    there: bool = False
    size: int = 0

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


class SetsOutlook:
    """The sets that `params` asks for, below the folder `sets`; made ones are counted when asked for."""

    def __init__(self, params: Mapping[str, Any], sets: Path) -> None:
        self._params = params
        self._sets = sets
        self._known: dict[str, SetOutlook] = {}

    def names(self) -> list[str]:
        """In the order of the journey."""
        return [str(name) for stage in SET_STAGES for name in self._params.get(stage) or {}]

    def of(self, name: str) -> SetOutlook:
        """What is known of one set; of one that params.yaml does not make, whatever lies there."""
        if name not in self._known:
            stage = next((stage for stage in SET_STAGES if name in (self._params.get(stage) or {})), "")
            # For sets that are made of each other in a ring, which DVC will refuse.
            self._known[name] = SetOutlook(name, stage, None)
            counted = _counted(self._sets / name / MANIFEST)
            if counted is None:
                self._known[name] = SetOutlook(name, stage, self._expected(name, stage))
            else:
                counts, size = counted
                self._known[name] = SetOutlook(name, stage, counts, there=True, size=size)
        return self._known[name]

    def _expected(self, name: str, stage: str) -> Counts | None:
        if not stage:
            return None
        section = self._params[stage][name]
        if stage == "format":
            return _of_raw_data(section, self._params)
        counts = self.of(str(section.get(MADE_OF[stage]))).counts
        if counts is None:
            return None
        if stage == "merge":
            nights = self.of(str(section.get("night"))).counts or counts
            share = section.get("keep_nights", 1.0)
            return {place: count + round(share * nights.get(place, 0)) for place, count in counts.items()}
        if stage == "select" and section.get("expected"):
            return {**counts, "test/queries": section["expected"]}
        # Of the last two stages these are the most that there can be.
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


def _of_raw_data(section: Mapping[str, Any], params: Mapping[str, Any]) -> Counts | None:
    """Counts of a set that is still to be formatted: of the registry, of the city's plan, or of a folder."""
    raw = Path(str(section.get("raw")))
    try:
        if section.get("expected"):
            return read_source(section["expected"]).expected or None
        for part, form in ((raw.name, ""), (raw.parent.name, raw.name)):
            source = (params.get("fetch") or {}).get(part)
            if source is None:
                continue
            if source.get("kind") == "city":
                settings = {key: value for key, value in source.items() if key != "kind"}
                return city_counts(build(CitySettings, settings, f"fetch.{part}")).get(form)
            if part in known_sources():
                return read_source(part).expected or None
    except DusklineError:
        return None
    pictures = sum(path.suffix.lower() in (*SUFFIXES, ".jpeg") for path in raw.rglob("*"))
    return {_ANYWHERE: pictures} if pictures else None


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
