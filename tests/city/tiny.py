"""The smallest city that still has everything."""

from __future__ import annotations

from typing import Any

from pipeline.city.settings import CitySettings

VALUES: dict[str, Any] = {
    "seed": 7,
    "width": 48,
    "height": 36,
    "train_places": 4,
    "val_places": 2,
    "test_places": 3,
    "tokyo_places": 3,
    "tokyo_queries": 2,
    "xs_places": 2,
    "xs_queries": 3,
    "yaws": 4,
    "pitches": 1,
    "query_share": 0.5,
    "spacing": 10.0,
}


def tiny(**changes: Any) -> CitySettings:
    return CitySettings(**{**VALUES, **changes})
