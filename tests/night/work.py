"""Images for workers to translate, and what of them is in the store."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.files import digest_bytes
from pipeline.night.engine.translate_image import Failed, Task

# What is said of an image that kills every process.
KILLS = Failed("kills the process that translates it", "reading")


def tasks(folder: Path, pictures: list[bytes]) -> list[Task]:
    """Write the images into `folder`, each a task."""
    made = []
    for number, data in enumerate(pictures):
        path = folder / f"{number}.jpg"
        path.write_bytes(data)
        made.append(Task(str(path), digest_bytes(data)))
    return made


def entries(store: Path) -> list[Path]:
    """The nights in the store, without what is only being written."""
    return sorted(path for path in store.rglob("*.jpg") if not path.name.startswith("."))
