"""Small image sets made by hand: a day set, and its nights with their record."""

from __future__ import annotations

from pathlib import Path

from pipeline.datasets.image_set.image_names import Details, name_at_utm, night_name
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.records.provenance import Origin, write_origins
from tests.datasets.raw_forms import jpeg


def set_name(role: str, index: int, *, split: str = "test", pano_id: str = "") -> str:
    details = Details(pano_id=pano_id or f"p{index}")
    return f"images/{split}/{role}/{name_at_utm(585000 + index, 4477000, 17, 'T', details).encode()}"


def day_set(root: Path, *, database: int = 2, queries: int = 3, seed: int = 0) -> ImageSet:
    """Queries are named as those of Tokyo 24/7: 00001.jpg by day, 00002.jpg at sunset, 00003.jpg by night."""
    writer = SetWriter(root)
    for role, count in (("database", database), ("queries", queries)):
        for index in range(count):
            pano_id = f"{index + 1:05d}.jpg" if role == "queries" else ""
            data = jpeg(seed=seed + 100 * len(role) + index)
            writer.add(
                set_name(role, index, pano_id=pano_id), data, source=f"raw/{role}{index}", width=64, height=48
            )
    return writer.finish()


def night_set(day: ImageSet, root: Path, *, failed: tuple[str, ...] = ()) -> ImageSet:
    writer = SetWriter(root)
    origins = []
    for index, row in enumerate(day.rows):
        name = night_name(row.name)
        made = None
        if row.name not in failed:
            made = writer.add(name, jpeg(seed=7000 + index), source=row.name, width=64, height=48)
        origins.append(
            Origin(
                name=name,
                source=row.name,
                source_digest=row.digest,
                translator="test",
                checkpoint_digest="",
                settings_digest="",
                numeric_path="numpy",
                status="done" if made else "failed",
                reason="" if made else "made to fail",
                digest=made.digest if made else "",
            )
        )
    write_origins(root, origins)
    return writer.finish()
