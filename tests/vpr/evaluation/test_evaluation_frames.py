"""An evaluation on a walk counts frames, on every other set metres."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_names import ImageName
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.results.metrics import METRICS, Metrics, read_metrics
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions
from tests.datasets.formatting.readers.test_vpr_bench import made_bench, make_bench
from tests.datasets.walks import made_walks, make_walks
from tests.vpr.experiments.test_model_file import given
from tests.vpr.places import write_places


def measured(images: ImageSet, folder: Path, radius: float) -> Metrics:
    model = given(folder / "model")
    model.rename(model.parent / "model.pt")
    settings = Experiment("day", 48, 48, "hard_resize", "none", radius, None, False, "off", 1)
    write_experiment(folder / "day", settings, model.parent)
    evaluate(folder / "day", images, folder / "out", folder / "store", device="cpu", workers=1)
    return read_metrics(folder / "out")


def test_on_a_walk_radius_and_distances_count_frames(tmp_path: Path) -> None:
    walk = made_walks(make_walks(tmp_path / "raw", range(8)), tmp_path / "walk")
    metrics = measured(walk, tmp_path, 3.0)
    assert "right within 3 frames, inclusive" in metrics.protocol
    assert metrics.positions_in == "frames"
    found = list(read_predictions(tmp_path / "out" / PREDICTIONS))
    assert {row.distance for row in found} == set(range(8))
    assert all(row.correct == (row.distance <= 3) for row in found)


def test_answers_are_right_where_the_lists_of_vpr_bench_say_so(tmp_path: Path) -> None:
    lists = {0: [0, 1], 1: [2, 3, 4], 2: [5, 6]}
    bench = made_bench(make_bench(tmp_path / "raw", lists, 7), tmp_path / "bench", radius=1)
    metrics = measured(bench, tmp_path, 1)
    assert metrics.positions_in == "frames"
    right: dict[int, list[int]] = {query: [] for query in lists}
    for row in read_predictions(tmp_path / "out" / PREDICTIONS):
        query, reference = (
            int(ImageName.parse(name).pano_id.rpartition("_")[2]) for name in (row.query, row.database)
        )
        if row.correct:
            right[query].append(reference)
    assert {query: sorted(found) for query, found in right.items()} == lists


@pytest.mark.parametrize("positions_in", ["", "utm 31N"])
def test_metrics_of_a_set_of_metres_do_not_tell_a_unit(tmp_path: Path, positions_in: str) -> None:
    city = write_places(tmp_path / "city", 3, 1)
    writer = SetWriter(tmp_path / "in_a_grid")
    for row in city.rows:
        writer.take(replace(row, positions_in=positions_in), city)
    metrics = measured(writer.finish(), tmp_path, 25.0)
    assert "right within 25 m, inclusive" in metrics.protocol
    assert metrics.positions_in == ""
    assert "positions_in" not in json.loads((tmp_path / "out" / METRICS).read_text())
