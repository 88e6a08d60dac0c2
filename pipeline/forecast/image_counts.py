"""How many images and bytes the datasets of params.yaml have, or will have."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.city.settings import CitySettings
from pipeline.core.image_files import count_pictures
from pipeline.core.params import build
from pipeline.datasets.image_set.image_set import MANIFEST
from pipeline.datasets.sources.registry import known_sources, read_source
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.set_stages import SET_STAGES

# Images by "split/role", as in manifests.
Counts = Mapping[str, int]

# Key for images whose split and role are not known before formatting.
_ANYWHERE = "all"
# Bytes of a 640x480 street view as JPEG (Pittsburgh's have 35 kB, SF-XL's 44), and of a pixel of the embedded
# city's images.
PICTURE, CITY_PIXEL = 40_000, 0.4
# Stages whose images are links to those of the datasets that they are made from.
_LINKING = ("merge", "apart", "select")


@dataclass(frozen=True)
class SetForecast:
    """A dataset after its next run: `counts` of images by split and role, None if not yet known.

    stage: the stage that makes it, or "". picture: mean bytes of an image. there: whether it exists already.
    """

    stage: str
    counts: Counts | None = None
    picture: float = PICTURE
    there: bool = False

    @property
    def images(self) -> int | None:
        """Number of all images."""
        return None if self.counts is None else sum(self.counts.values())

    @property
    def tested(self) -> int | None:
        """Number of images in the test split; None if the splits are not known."""
        if self.counts is None or _ANYWHERE in self.counts:
            return None
        return sum(count for place, count in self.counts.items() if place.startswith("test/"))

    @property
    def new_bytes(self) -> int | None:
        """Bytes that making it writes to disk; None if unknown."""
        if self.stage in _LINKING:
            return 0
        return None if self.images is None else round(self.images * self.picture)


class SetsForecast:
    """The datasets in `params`, below the folder `sets`; each is examined when it is first asked for."""

    def __init__(self, params: Mapping[str, Any], sets: Path) -> None:
        self._params = params
        self._sets = sets
        self._known: dict[str, SetForecast] = {}

    def names(self) -> list[str]:
        """Names in the order of the pipeline."""
        return [str(name) for stage in SET_STAGES for name in self._params.get(stage) or {}]

    def of(self, name: str) -> SetForecast:
        """What is known about one dataset; if params.yaml does not make it, what is in its folder."""
        if name not in self._known:
            stage = next((stage for stage in SET_STAGES if name in (self._params.get(stage) or {})), "")
            # Ends the recursion for datasets that are made from each other; DVC will refuse these.
            self._known[name] = SetForecast(stage)
            section = self._params[stage][name] if stage else {}
            there = _counted(self._sets / name / MANIFEST)
            source = self._raw if stage == "format" else self._made
            counts, picture = source(section) if stage else (None, PICTURE)
            if there is not None:
                # Counts from the parameters override those of an earlier run with other parameters.
                exact = counts is not None and _ANYWHERE not in counts
                counts, picture = counts if exact else there[0], there[1]
            self._known[name] = SetForecast(stage, counts, picture, there is not None)
        return self._known[name]

    def _made(self, section: Mapping[str, Any]) -> tuple[Counts | None, float]:
        """Counts and bytes of an image for a dataset made from others, or their maximum."""
        one = self.of(str(section.get("day", section.get("dataset"))))
        counts = one.counts
        if counts is not None and "night" in section:
            nights = self.of(str(section["night"])).counts or counts
            share = section.get("keep_nights", 1.0)
            counts = {place: count + round(share * nights.get(place, 0)) for place, count in counts.items()}
        elif counts is not None and section.get("expected"):
            counts = {**counts, "test/queries": section["expected"]}
        return counts, one.picture

    def _raw(self, section: Mapping[str, Any]) -> tuple[Counts | None, float]:
        """The same for raw data: from the city, the registry, a folder's images, or `expected`."""
        raw = Path(str(section.get("raw")))
        fetched = self._params.get("fetch") or {}
        source: Any = fetched.get(raw.parent.name)
        if forms := drawn_counts(source):
            return forms.get(raw.name), CITY_PIXEL * source["width"] * source["height"]
        name = section.get("expected") or (raw.name if raw.name in fetched else None)
        if name is not None:
            return (read_source(name).expected or None) if name in known_sources() else None, PICTURE
        pictures, form = count_pictures(raw), section.get("form")
        if form in known_sources():
            published, cities = read_source(form), section.get("cities")
            if cities and (known := published.of_city):
                # Images of other cities may be there too.
                most = sum(known.get(city, known["others"]) for city in cities)
                pictures = min(pictures or most, most)
            else:
                pictures = pictures or published.images or 0
        return {_ANYWHERE: pictures} if pictures else None, PICTURE


def _counted(manifest: Path) -> tuple[Counts, float] | None:
    """Counts and mean bytes of an existing dataset; None without a readable manifest."""
    try:
        with manifest.open(encoding="utf-8", newline="") as stream:
            rows = [
                ("/".join(row["name"].split("/")[1:3]), int(row["size"])) for row in csv.DictReader(stream)
            ]
        return Counter(place for place, _ in rows), sum(size for _, size in rows) / len(rows)
    except (OSError, ValueError, LookupError, ArithmeticError, csv.Error):
        return None


def drawn_counts(source: Any) -> dict[str, Counts] | None:
    """Images of the embedded city by raw form, from its section under `fetch`, without planning its streets.

    None for other sections and for one that its stage would refuse.
    """
    if not isinstance(source, Mapping) or source.get("kind") != "city":
        return None
    try:
        city = build(CitySettings, {key: value for key, value in source.items() if key != "kind"}, "fetch")
    except DusklineError:
        return None
    views = city.yaws * city.pitches
    pittsburgh = {}
    for split in ("train", "val", "test"):
        places = getattr(city, f"{split}_places")
        pittsburgh[f"{split}/database"] = places * views
        pittsburgh[f"{split}/queries"] = max(1, round(places * city.query_share)) * views
    return {
        "pittsburgh": pittsburgh,
        "tokyo247": {
            "test/database": city.tokyo_places * city.yaws,
            "test/queries": 3 * city.tokyo_queries,
        },
        "xs": {"test/database": city.xs_places * city.yaws, "test/queries": city.xs_queries},
    }
