"""Made-up evaluations and nights on disk, as the pipeline leaves them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.records.provenance import Origin, Status, write_origins
from pipeline.vpr.results.metrics import MeasuredRecall, Metrics, write_metrics
from pipeline.vpr.results.predictions import PREDICTIONS, Prediction, write_predictions
from pipeline.vpr.results.wilson import wilson
from tests.report.made_up_finds import write_beside

QUERIES = 200
# What all of them find.
NEAR = "images/test/database/@584003.00@4477000.00@near@.jpg"


def picture(level: int, width: int = 40, height: int = 30) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), level, np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def write_evaluation(
    root: Path, experiment: str, test_set: str, *, hits: int = 90, changes: dict[str, object] | None = None
) -> Metrics:
    """Put an evaluation with `hits` of 200 queries at R@1 below `root`."""
    recalls = {}
    for n, found in zip((1, 5, 10, 20), (hits, hits + 30, hits + 50, hits + 60), strict=True):
        low, high = wilson(found, QUERIES)
        recalls[n] = MeasuredRecall(found, found / 2, 100 * low, 100 * high, 3.0 * n**0.5)
    values = {
        "experiment": experiment,
        "model": experiment,
        "learnt_from": "queries as they are",
        "trained_on": "a" * 64,
        "test_set": test_set,
        "set_digest": "b" * 64,
        "database": 500,
        "queries": QUERIES,
        "queries_without_positives": 0,
        "radius": 25.0,
        "protocol": "right within 25 m",
        "numeric_path": "cpu, float32, 2 threads",
        "recalls": recalls,
    }
    metrics = Metrics(**values | (changes or {}))  # type: ignore[arg-type]
    folder = root / experiment / test_set
    write_metrics(folder, metrics)
    found = found_at([recall.hits for recall in recalls.values()])
    write_predictions(folder / PREDICTIONS, found)
    write_beside(folder, found, pictured=1)
    return metrics


def found_at(hits: list[int]) -> list[Prediction]:
    """Finds of 200 queries, of which so many have a right one among their first 1, 5, 10 and 20."""

    def find(query: int, rank: int, correct: bool) -> Prediction:
        metres = 3.0 if correct else 300.0
        return Prediction(f"<q{query:03d}>", rank, NEAR, metres, 0.5, correct, 0.0, 0.0, metres, 0.0)

    found = []
    for query in range(QUERIES):
        ranks = [rank for rank, count in zip((1, 5, 10, 20), hits, strict=True) if query < count]
        if ranks != [] and ranks[0] == 1:
            found.append(find(query, 1, True))
        else:
            found += [find(query, 1, False), *(find(query, rank, True) for rank in ranks[:1])]
    return found


def write_day_and_night(root: Path, images: int = 6) -> tuple[ImageSet, ImageSet]:
    """A day set with `images` images a split and role, and its night with all but the first one."""
    day, night = SetWriter(root / "pitts"), SetWriter(root / "pitts_night")
    origins = []
    for split in ("train", "test"):
        for number in range(images):
            name = f"images/{split}/database/@{584_000 + number:.2f}@4477000.00@{number}@.jpg"
            data, dark = picture(120 + number), picture(20 + number)
            day.add(name, data, source=f"000.tar/000/{split}_{number}.jpg", width=40, height=30)
            failed = split == "train" and number == 0
            night_name = name.replace("@.jpg", "@n.jpg")
            if not failed:
                night.add(night_name, dark, source=name, width=40, height=30)
            status: Status = "failed" if failed else "done"
            origins.append(
                Origin(
                    night_name,
                    name,
                    digest_bytes(data),
                    "unit",
                    "c",
                    "s",
                    "cpu",
                    status,
                    f"is truncated after {300 + number} bytes" if failed else "",
                    digest_bytes(dark),
                )
            )
    sets = day.finish(), night.finish()
    write_origins(sets[1].root, origins)
    return sets
