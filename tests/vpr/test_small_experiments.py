"""One small experiment of every kind that the paper has for ensembles and scales: trained, then evaluated."""

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
GEM = {"aggregation": "gem", "clusters": None, "l2": "before_pool"}
NETVLAD: dict[str, Any] = {}
ENSEMBLE = {"backbone": "alexnet", "second_backbone": "resnet18conv4"}
TEST = Experiment("small", SIDE, SIDE, "hard_resize", "none", 25.0, None, False, "off", 1)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


def trained(settings: TrainSettings, places: ImageSet, folder: Path) -> Path:
    train_model(
        settings, places, folder / "model", folder / "work", live=folder / "live", device="cpu", workers=1
    )
    return folder / "model"


@pytest.mark.parametrize("aggregation", [GEM, NETVLAD], ids=["gem", "netvlad"])
@pytest.mark.parametrize("kind", ["single", "addition", "division"])
def test_models_are_trained_and_tested_at_one_and_at_all_scales(
    places: ImageSet, tmp_path: Path, kind: str, aggregation: dict[str, Any]
) -> None:
    ensemble = {} if kind == "single" else ENSEMBLE | {"ensemble": kind}
    model = trained(replace(SMALL, **aggregation | ensemble), places, tmp_path)
    documents = set()
    for scales in ("none", "concatenation", "average"):
        experiment = replace(TEST, multi_scale=scales)
        write_experiment(tmp_path / scales, experiment, model)
        out = tmp_path / "out" / scales
        recalls = evaluate(tmp_path / scales, places, out, tmp_path / "store", device="cpu", workers=1)
        # 2 of 12 images are right for each query: by chance a sixth is found.
        assert recalls.percent(1) >= 50
        document = json.loads((out / METRICS).read_text())
        assert ("added" in document["protocol"]) == (kind != "single")
        assert (f"multi-scale by {scales}" in document["protocol"]) == (scales != "none")
        documents.add((out / "predictions.csv").read_bytes())
    assert len(documents) == 3
