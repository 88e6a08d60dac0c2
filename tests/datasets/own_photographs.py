"""A folder of photographs as a user might have it, with a CSV of coordinates."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.folder import FolderSettings, plan_folder, read_folder
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import UserError
from tests.datasets.raw_forms import jpeg

VALUES: dict[str, Any] = {
    "coordinates": "coordinates.csv",
    "split_by": "folder",
    "queries_by": "folder",
    "jpeg_quality": 90,
}
BLOCKS: dict[str, Any] = {
    "split_by": "blocks",
    "train_share": 0.6,
    "val_share": 0.2,
    "test_share": 0.2,
    "block_metres": 200.0,
    "gap_metres": 50.0,
    "seed": 1,
}
HERE = (40.44062, -79.99589)


def settings(**changes: Any) -> FolderSettings:
    """Settings with `changes`, and what the changed choices need."""
    needed: dict[str, Any] = dict(BLOCKS) if changes.get("split_by") == "blocks" else {}
    if changes.get("queries_by") in ("date", "share"):
        needed["query_share"] = 0.3
    if changes.get("queries_by") == "share":
        needed["seed"] = 1
    return FolderSettings(**{**VALUES, **needed, **changes})


def make(folder: Path, rows: dict[str, dict[str, Any]], data: dict[str, bytes] | None = None) -> Path:
    """Photographs and their CSV; rows without coordinates lie 10 m north of each other."""
    columns = ["path", "latitude", "longitude"]
    columns += sorted({name for row in rows.values() for name in row} - set(columns))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "coordinates.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for index, (path, row) in enumerate(rows.items()):
            place = {"latitude": HERE[0] + index * 9e-5, "longitude": HERE[1]}
            writer.writerow({"path": path, **place, **row})
    for index, path in enumerate(rows):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((data or {}).get(path) or jpeg(seed=index))
    return folder


def made_set(folder: Path, root: Path, **changes: Any) -> ImageSet:
    return format_set(read_folder(folder, settings(**changes), folder), root, workers=2)


def roles(folder: Path, **changes: Any) -> dict[str, str]:
    plan = plan_folder(folder, settings(**changes))
    return {photo.path: f"{photo.split}/{photo.role}" for photo in plan.photographs}


def told(folder: Path, **changes: Any) -> str:
    """What the user is told, before the first image, of a folder that cannot be used."""
    with pytest.raises(UserError) as caught:
        list(read_folder(folder, settings(**changes), folder))
    return str(caught.value)
