"""A single network and an ensemble, trained and tested at every scale: they find places, above chance.

tests/end_to_end/test_paper_experiments.py runs all kinds of the paper, on too few places to tell.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.results.metrics import METRICS
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.training import train_model
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS

pytestmark = pytest.mark.slow

# AlexNet needs 31 pixels a side of the coarsest of the scales.
SIDE = 128
SMALL = replace(SETTINGS, height=SIDE, width=SIDE, epochs=1)
ENSEMBLE = {
    "aggregation": "gem",
    "clusters": None,
    "l2": "before_pool",
    "backbone": "alexnet",
    "second_backbone": "resnet18conv4",
    "ensemble": "addition",
}
TEST = Experiment("small", SIDE, SIDE, "hard_resize", "none", 25.0, None, False, "off", 1)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


def trained(settings: TrainSettings, places: ImageSet, folder: Path) -> Path:
    train_model(
        settings, places, folder / "model", folder / "work", live=folder / "live", device="cpu", workers=1
    )
    return folder / "model"


@pytest.mark.parametrize("changes", [{}, ENSEMBLE], ids=["netvlad", "addition_gem"])
def test_models_are_trained_and_tested_at_one_and_at_all_scales(
    places: ImageSet, tmp_path: Path, changes: dict[str, Any]
) -> None:
    model = trained(replace(SMALL, **changes), places, tmp_path)
    documents = set()
    for scales in ("none", "concatenation", "average"):
        experiment = replace(TEST, multi_scale=scales)
        write_experiment(tmp_path / scales, experiment, model)
        out = tmp_path / "out" / scales
        recalls = evaluate(tmp_path / scales, places, out, tmp_path / "store", device="cpu", workers=1)
        # 2 of 12 images are right for each query: by chance a sixth is found.
        assert recalls.percent(1) >= 50
        document = json.loads((out / METRICS).read_text())
        assert ("added" in document["protocol"]) == bool(changes)
        assert (f"multi-scale by {scales}" in document["protocol"]) == (scales != "none")
        documents.add((out / "predictions.csv").read_bytes())
    assert len(documents) == 3
