"""Made-up answers of an evaluation on disk, as the pipeline leaves them: a street of eight places."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.files import write_bytes
from pipeline.vpr.results.ground_truth import write_ground_truth
from pipeline.vpr.results.metrics import MeasuredRecall, Metrics, write_metrics
from pipeline.vpr.results.predictions import PREDICTIONS, Prediction, write_predictions
from pipeline.vpr.results.thumbnails import COPIES

PLACES = 8
# The rank of the first right find of each query; 0 for none. The worst is 5, which is sent farther than 2.
FIRST_RIGHT = (1, 2, 0, 1, 5, 0, 1, 1)
WORST_FIRST = (5, 2, 4, 1)
HOSTILE = '</script><b onclick="alert(1)">\'&amp;'
EAST, NORTH, SPACING = 584_000.0, 4_477_000.0, 40.0


def database_place(place: int) -> tuple[float, float]:
    """Along a street, and round a corner after the fourth."""
    return (EAST + SPACING * min(place, 4), NORTH + SPACING * max(0, place - 4))


def database_name(place: int) -> str:
    east, north = database_place(place)
    return f"images/test/database/@{east:.2f}@{north:.2f}@d{place}@.jpg"


def query_place(query: int) -> tuple[float, float]:
    east, north = database_place(query)
    return (east, north + 3)


def query_name(query: int) -> str:
    east, north = query_place(query)
    return f"images/test/queries/@{east:.2f}@{north:.2f}@q{query}{HOSTILE if query == 5 else ''}@.jpg"


def found_places(query: int, rank: int) -> list[int]:
    """Database places in the order in which they are found: the right one at `rank`."""
    wrong = [place for place in range(PLACES) if place != query]
    # Query 5 is sent far away.
    order = wrong if query == 5 else sorted(wrong, key=lambda place: (abs(place - query), place))
    return [*order[: rank - 1], query, *order[rank - 1 :]] if rank else order


def predictions(first_right: tuple[int, ...]) -> Iterator[Prediction]:
    for query, rank in enumerate(first_right):
        asked = query_place(query)
        for number, place in enumerate(found_places(query, rank), start=1):
            there = database_place(place)
            metres = float(np.hypot(asked[0] - there[0], asked[1] - there[1]))
            yield Prediction(
                query_name(query),
                number,
                database_name(place),
                metres,
                0.1 * number + 0.001 * query,
                metres <= 25,
                *asked,
                *there,
            )


def colour_picture(name: str) -> bytes:
    """A small image of one colour and some noise, another one for each name."""
    digest = hashlib.sha256(name.encode()).digest()
    noise = np.random.default_rng(list(digest)).integers(0, 60, (90, 120, 3), dtype=np.uint8)
    pixels = np.tile(np.frombuffer(digest[:3], np.uint8) // 2 + 50, (90, 120, 1)) + noise
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def write_archive(path: Path, pictures: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in pictures.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    write_bytes(path, stream.getvalue())


def write_beside(folder: Path, found: Sequence[Prediction], pictured: int) -> None:
    """Write what an evaluation leaves beside `found`; of `pictured` queries there are small copies."""
    database = {row.database: (row.database_east, row.database_north) for row in found}
    queries = {row.query: (row.query_east, row.query_north) for row in found}
    places, asked = (np.array(list(each.values())) for each in (database, queries))
    write_ground_truth(folder, list(database), places, list(queries), asked)
    names = [*database, *list(queries)[:pictured]]
    write_archive(folder / COPIES, {name: colour_picture(name) for name in names})


def write_street(
    root: Path,
    experiment: str,
    test_set: str,
    first_right: tuple[int, ...] = FIRST_RIGHT,
    *,
    pictured: int = PLACES,
) -> Path:
    """Put the whole evaluation of an experiment on the street below `root`; return its folder."""
    folder = root / experiment / test_set
    recalls = {}
    for n in (1, 5, 10, 20):
        hits = sum(1 <= rank <= n for rank in first_right)
        recalls[n] = MeasuredRecall(hits, 100 * hits / PLACES, 0.0, 100.0, 100 / PLACES)
    write_metrics(
        folder,
        Metrics(
            experiment=experiment,
            model=experiment,
            learnt_from="queries as they are",
            trained_on="a" * 64,
            test_set=test_set,
            set_digest="b" * 64,
            database=PLACES,
            queries=PLACES,
            queries_without_positives=0,
            radius=25.0,
            protocol="right within 25 m",
            numeric_path="cpu, float32, 2 threads",
            recalls=recalls,
        ),
    )
    found = list(predictions(first_right))
    write_predictions(folder / PREDICTIONS, found)
    write_beside(folder, found, pictured)
    return folder
