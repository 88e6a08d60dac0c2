"""An ensemble learns as one network, and begins with clusters of each part's own features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.vpr.models.descriptor_model import build_network, load_model
from pipeline.vpr.training import training
from pipeline.vpr.training.training import train_model
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS

ENSEMBLE = replace(
    SETTINGS,
    backbone="alexnet",
    second_backbone="resnet18conv4",
    ensemble="addition",
    epochs=1,
    queries_per_epoch=4,
    # Wide, so that there is something to learn from each triplet.
    margin=2.0,
)


def test_each_part_begins_with_clusters_of_its_own_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(ENSEMBLE.seed)
        begun = build_network(ENSEMBLE.network)
    seen: list[np.ndarray] = []
    real = training.cluster

    def watching(descriptors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
        seen.append(real(descriptors, clusters, seed))
        return seen[-1]

    monkeypatch.setattr(training, "cluster", watching)
    images = write_places(tmp_path / "set")
    train_model(
        ENSEMBLE, images, tmp_path / "out", tmp_path / "work", live=tmp_path / "live", device="cpu", workers=1
    )
    trained, settings, _ = load_model(tmp_path / "out" / "model.pt")
    assert settings == ENSEMBLE.network
    assert len(seen) == 2
    assert not np.allclose(seen[0], seen[1])
    for part, before, centroids in zip(trained.parts, begun.parts, seen, strict=True):
        # Two steps of Adam move each value by about the learning rate.
        assert np.abs(part.aggregation.centroids.detach().numpy() - centroids).max() < 10 * ENSEMBLE.lr
        learnt, drawn = (network.backbone.learning[0].weight for network in (part, before))
        assert not torch.equal(learnt, drawn)
