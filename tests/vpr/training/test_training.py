"""Training with triplets on a few made-up places: it learns, it stops early, and it can be ended anywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.compute.device.precision import numbers_of
from pipeline.compute.distributed.training_state import save_state
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import BadImageError, DusklineError
from pipeline.vpr.augmentation.transforms import Augmentation, Occlusion, Perspective
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.training import loop, step, training
from tests.compute.resources.noted import NotedWork
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS, KilledError, assert_same_bits, curve, kill_after, run, weights


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


@pytest.fixture(scope="module")
def whole(places: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(places, folder)
    return folder


def test_a_run_leaves_its_best_model_its_curves_and_no_state(whole: Path) -> None:
    _, settings, record = load_model(whole / "out" / "model.pt")
    assert settings == SETTINGS.network
    best = record["epoch"] - 1
    recalls = curve(whole, "recall@5")
    assert len(recalls) == len(curve(whole, "loss")) == 2
    assert recalls[best] == max(recalls) == pytest.approx(record["recall"], abs=1e-3)
    assert record["numeric_path"] == "cpu, float32, 1 threads"
    metrics = json.loads((whole / "live" / "metrics.json").read_text())
    assert metrics["best_epoch"] == record["epoch"]
    assert metrics["best_recall@5"] == pytest.approx(record["recall"], abs=1e-3)
    assert [path.name for path in (whole / "out").iterdir()] == ["model.pt"]
    assert list((whole / "work").iterdir()) == []


def test_all_pictures_that_cannot_be_read_are_named_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_places(tmp_path / "set")
    damaged = [images.where(split)[2] for split in ("train", "val")]
    for row in damaged:
        images.path(row).write_bytes(bytes(row.size))
    kill_after(0, monkeypatch)
    with pytest.raises(BadImageError, match="2 images cannot be used for training") as error:
        run(images, tmp_path)
    assert all(row.name in error.value.message for row in damaged)
    assert "dvc checkout" in error.value.hint


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_killed_run_ends_in_the_same_weights(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    kill_after(steps, monkeypatch)
    with pytest.raises(KilledError):
        run(places, tmp_path)
    monkeypatch.setattr(loop, "save_state", save_state)
    assert not (tmp_path / "out" / "model.pt").exists()
    run(places, tmp_path)
    assert_same_bits(tmp_path, whole)
    assert curve(tmp_path, "loss") == curve(whole, "loss")


@pytest.mark.slow
def test_augmented_queries_are_the_same_for_any_workers_and_after_a_kill(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Augmentation(
        perspective=Perspective(0.5, 0.7, 1.0, "literal", None),
        occlusion=Occlusion(0.7, (0.05, 0.08), (0.3, 5.3)),
    )
    settings = replace(SETTINGS, augmentation=changes)
    run(places, tmp_path / "one", settings, workers=1)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    kill_after(3, monkeypatch)
    with pytest.raises(KilledError):
        run(places, tmp_path / "many", settings, workers=4)
    monkeypatch.undo()
    run(places, tmp_path / "many", settings, workers=4)
    assert_same_bits(tmp_path / "one", tmp_path / "many")
    assert curve(tmp_path / "one", "loss") != curve(whole, "loss")
    said = load_model(tmp_path / "one" / "out" / "model.pt")[2]["learnt_from"]
    assert said.startswith(
        "queries with perspective (distortion 0.5, probability 0.7, fill 1.0, form literal"
    )
    assert ", occlusion (probability 0.7" in said


def test_autocast_auto_is_recorded_as_what_it_is_here(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(places, tmp_path, replace(SETTINGS, autocast="auto", epochs=1))
    found = load_model(tmp_path / "out" / "model.pt")[2]["numeric_path"]
    numbers = "bfloat16" if numbers_of(torch.device("cpu"), "auto") == "bfloat16" else "float32"
    assert found == f"cpu, {numbers}, 1 threads"


def test_another_seed_is_another_model(places: ImageSet, whole: Path, tmp_path: Path) -> None:
    run(places, tmp_path, replace(SETTINGS, seed=1))
    assert not torch.equal(
        weights(tmp_path)["aggregation.centroids"], weights(whole)["aggregation.centroids"]
    )


@pytest.mark.parametrize("mining", ["full", "random"])
def test_gem_learns_with_every_mining(places: ImageSet, tmp_path: Path, mining: Any) -> None:
    gem = replace(SETTINGS, aggregation="gem", clusters=None, l2="before_pool")
    # A wide margin, so that there is something to learn from each triplet.
    settings = replace(gem, mining=mining, negative_samples=6, margin=2.0)
    assert run(places, tmp_path, settings).epochs == 2
    assert float(weights(tmp_path)["aggregation.pooling.p"]) != 3.0


def test_a_run_ends_when_val_gets_no_better(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([40.0, 60.0, 60.0, 50.0, 90.0])

    class Found:
        def percent(self, n: int) -> float:
            return next(found) if n == 5 else 0.0

    class Judged:
        recalls = Found()

    monkeypatch.setattr(training, "evaluate_recall", lambda *_: Judged())
    summary = run(places, tmp_path, replace(SETTINGS, epochs=5, queries_per_epoch=4))
    assert (summary.epochs, summary.best_epoch, summary.recall) == (4, 2, 60.0)


def test_a_loss_that_is_no_number_ends_the_run_in_words(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = step.triplet_loss
    monkeypatch.setattr(step, "triplet_loss", lambda *given, **named: real(*given, **named) * float("nan"))
    with pytest.raises(DusklineError, match="training failed in epoch 1: the loss is NaN or infinite"):
        run(places, tmp_path)


@pytest.mark.slow
def test_what_an_earlier_run_had_learnt_is_told_from_work(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = SETTINGS.queries_per_epoch
    with NotedWork() as told:
        run(places, tmp_path / "whole")
        assert told.work == (SETTINGS.epochs * queries, SETTINGS.epochs * queries)
    monkeypatch.setattr(loop, "SAVE_EVERY", 1e9)  # after an epoch only
    kill_after(1, monkeypatch)
    with pytest.raises(KilledError):
        run(places, tmp_path / "parts")
    monkeypatch.setattr(loop, "save_state", save_state)
    with NotedWork() as told:
        run(places, tmp_path / "parts")
        assert told.work == (SETTINGS.epochs * queries, (SETTINGS.epochs - 1) * queries)
