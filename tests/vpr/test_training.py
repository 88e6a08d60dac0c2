"""Training on a few made-up places: it learns, it stops early, and it can be ended anywhere."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.core.errors import DusklineError, SetError
from pipeline.core.files import digest_file
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr import train_state, train_step, training
from pipeline.vpr.augmentation import Augmentation, Occlusion, Perspective
from pipeline.vpr.lights import Lights
from pipeline.vpr.network import load_model
from pipeline.vpr.numeric import numbers_of
from pipeline.vpr.train_settings import TrainSettings
from pipeline.vpr.training import TrainSummary, train_model
from tests.core.noted import NotedWork
from tests.vpr.places import write_places

SETTINGS = TrainSettings(
    dataset="places",
    backbone="resnet18conv4",
    weights="none",
    trainable="all",
    aggregation="netvlad",
    clusters=4,
    height=48,
    width=48,
    lr=1e-3,
    loss="triplet",
    margin=0.1,
    batch=2,
    negatives=2,
    mining="partial",
    queries_per_epoch=8,
    queries_per_cache=4,
    negative_samples=8,
    hard_positives=10,
    soft_positives=25,
    epochs=2,
    patience=2,
    autocast="off",
    cpu_threads=1,
    seed=0,
)

PAIRS = replace(
    SETTINGS,
    loss="contrastive",
    temperature=0.1,
    batch=3,
    margin=None,
    negatives=None,
    mining=None,
    negative_samples=None,
    queries_per_cache=None,
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


class KilledError(Exception):
    """Ends a run where a test wants it ended."""


def run(
    places: ImageSet, folder: Path, settings: TrainSettings = SETTINGS, *, workers: int = 1
) -> TrainSummary:
    return train_model(
        settings, places, folder / "out", folder / "work", live=folder / "live", device="cpu", workers=workers
    )


def kill_after(states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a run when so many of its states are saved."""
    done = 0

    def killing(*state: Any) -> None:
        nonlocal done
        train_state.save_state(*state)
        done += 1
        if done == states:
            raise KilledError

    monkeypatch.setattr(training, "save_state", killing)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder / "out" / "model.pt")[0].state_dict()


def assert_same_bits(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def curve(folder: Path, name: str) -> list[float]:
    with (folder / "live" / "plots" / "metrics" / f"{name}.tsv").open() as stream:
        return [float(row[name]) for row in csv.DictReader(stream, delimiter="\t")]


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


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_killed_run_ends_in_the_same_weights(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    kill_after(steps, monkeypatch)
    with pytest.raises(KilledError):
        run(places, tmp_path)
    monkeypatch.setattr(training, "save_state", train_state.save_state)
    assert not (tmp_path / "out" / "model.pt").exists()
    run(places, tmp_path)
    assert_same_bits(tmp_path, whole)
    assert curve(tmp_path, "loss") == curve(whole, "loss")


# Starting from another model


def start_from(whole: Path, places: ImageSet, folder: Path, settings: TrainSettings) -> None:
    train_model(
        settings,
        places,
        folder / "out",
        folder / "work",
        live=folder / "live",
        device="cpu",
        workers=1,
        start=whole / "out" / "model.pt",
    )


def test_a_run_begins_with_the_weights_of_another_one(places: ImageSet, whole: Path, tmp_path: Path) -> None:
    start_from(whole, places, tmp_path, replace(SETTINGS, lr=1e-12, epochs=1, seed=7))
    before, after = weights(whole), weights(tmp_path)
    assert all(torch.allclose(before[name], after[name], atol=1e-9) for name in before if "conv" in name)
    record = load_model(tmp_path / "out" / "model.pt")[2]
    assert record["started_from"] == digest_file(whole / "out" / "model.pt")
    assert "started_from" not in load_model(whole / "out" / "model.pt")[2]


def test_a_killed_run_that_began_with_another_one_ends_in_the_same_weights(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_from(whole, places, tmp_path / "undisturbed", SETTINGS)
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    kill_after(2, monkeypatch)
    with pytest.raises(KilledError):
        start_from(whole, places, tmp_path, SETTINGS)
    monkeypatch.setattr(training, "save_state", train_state.save_state)
    start_from(whole, places, tmp_path, SETTINGS)
    assert_same_bits(tmp_path, tmp_path / "undisturbed")


def test_another_network_to_start_from_is_refused(places: ImageSet, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(DusklineError, match="is another network than the one to train") as caught:
        start_from(whole, places, tmp_path, replace(SETTINGS, clusters=8))
    assert "clusters=8" in str(caught.value)


def test_the_number_of_workers_changes_no_bit(places: ImageSet, whole: Path, tmp_path: Path) -> None:
    run(places, tmp_path, workers=3)
    assert_same_bits(tmp_path, whole)


def test_augmented_queries_are_the_same_for_any_workers_and_after_a_kill(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Augmentation(
        perspective=Perspective(0.5, 0.7, 1.0, "literal", None),
        occlusion=Occlusion(0.7, (0.05, 0.08), (0.3, 5.3)),
    )
    settings = replace(SETTINGS, augmentation=changes)
    run(places, tmp_path / "one", settings, workers=1)
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
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


def test_nights_find_the_days_of_their_places(tmp_path: Path) -> None:
    both = write_places(tmp_path / "set", twins=True)
    settings = replace(PAIRS, batch=4, queries_per_epoch=12, epochs=5, patience=5)
    run(both, tmp_path, settings)
    losses = curve(tmp_path, "loss")
    assert losses[-1] < 0.6 * losses[0]
    # By day and by night: twice what days alone begin with.
    days = ImageSet(both.root, tuple(row for row in both.rows if row.time_of_day != "night"), both.digest)
    run(days, tmp_path / "days", replace(settings, epochs=1))
    assert losses[0] > 1.5 * curve(tmp_path / "days", "loss")[0]


def test_a_set_of_nights_alone_is_refused_in_words(tmp_path: Path) -> None:
    both = write_places(tmp_path / "set", twins=True)
    nights = ImageSet(both.root, tuple(row for row in both.rows if row.time_of_day == "night"), both.digest)
    with pytest.raises(SetError, match=r"all 12 images of this part of .* are of the night"):
        run(nights, tmp_path, PAIRS)


def test_pairs_are_learnt_the_same_for_any_workers_and_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = write_places(tmp_path / "set", twins=True)
    lights = Augmentation(lights=Lights(shade=0.5, windows=9, lamps=1, noise=3))
    settings = replace(
        PAIRS, night_augmentation=lights, schedule="cosine", warmup=2, start_share=0.25, queries_per_epoch=20,
        similar_places=3,
    )  # fmt: skip
    run(both, tmp_path / "one", settings, workers=1)
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    kill_after(6, monkeypatch)
    with pytest.raises(KilledError):
        run(both, tmp_path / "many", settings, workers=3)
    monkeypatch.undo()
    run(both, tmp_path / "many", settings, workers=3)
    assert_same_bits(tmp_path / "one", tmp_path / "many")
    assert curve(tmp_path / "one", "loss") == curve(tmp_path / "many", "loss")
    changes = {"schedule": "constant", "warmup": 0, "night_augmentation": None, "similar_places": 1}
    for name, change in changes.items():
        run(both, tmp_path / name, replace(settings, **{name: change}))
        assert curve(tmp_path / name, "loss") != curve(tmp_path / "one", "loss")


def test_every_query_comes_once_before_any_comes_again(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    real = train_step.ContrastiveLoss.__call__

    def watched(self: Any, descriptors: torch.Tensor, rows: Any, group: Any) -> torch.Tensor:
        seen.append(rows[:, 0].tolist())
        return real(self, descriptors, rows, group)

    monkeypatch.setattr(train_step.ContrastiveLoss, "__call__", watched)
    run(places, tmp_path, replace(PAIRS, queries_per_epoch=30, batch=5, epochs=1))
    # Twelve queries are there: two whole batches a round.
    assert [len(rows) for rows in seen] == [5] * 6
    for first in range(0, 6, 2):
        assert len(set(seen[first] + seen[first + 1])) == 10


def test_the_share_of_the_start_is_what_is_kept_and_judged(places: ImageSet, tmp_path: Path) -> None:
    learnt = replace(PAIRS, epochs=1, batch_norm="frozen")
    for name, share in (("learnt", 0.0), ("half", 0.5), ("start", 1.0)):
        run(places, tmp_path / name, replace(learnt, start_share=share))
    new, half, start = (weights(tmp_path / name) for name in ("learnt", "half", "start"))
    centroids = "aggregation.centroids"
    assert not torch.equal(new[centroids], start[centroids])
    torch.testing.assert_close(half[centroids], (new[centroids] + start[centroids]) / 2)
    recalls = [load_model(tmp_path / name / "out" / "model.pt")[2]["recall"] for name in ("learnt", "start")]
    assert recalls == [curve(tmp_path / name, "recall@5")[0] for name in ("learnt", "start")]


def test_frozen_batch_norms_stay_as_they_are_to_the_bit(places: ImageSet, tmp_path: Path) -> None:
    run(places, tmp_path / "start", replace(PAIRS, epochs=1, start_share=1.0, batch_norm="frozen"))
    run(places, tmp_path / "frozen", replace(PAIRS, epochs=1, batch_norm="frozen"))
    run(places, tmp_path / "learning", replace(PAIRS, epochs=1))
    start, frozen, learning = (weights(tmp_path / name) for name in ("start", "frozen", "learning"))
    norms = {name.rpartition(".")[0] for name in start if name.endswith("running_mean")}
    assert norms
    for name, value in start.items():
        if name.rpartition(".")[0] in norms:
            assert torch.equal(frozen[name], value), name
        elif "conv" in name:
            assert not torch.equal(frozen[name], value), name
    assert any(
        not torch.equal(learning[f"{norm}.running_mean"], start[f"{norm}.running_mean"]) for norm in norms
    )


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

    monkeypatch.setattr(training, "judge", lambda *_: Judged())
    summary = run(places, tmp_path, replace(SETTINGS, epochs=5, queries_per_epoch=4))
    assert (summary.epochs, summary.best_epoch, summary.recall) == (4, 2, 60.0)


def test_a_loss_that_is_no_number_ends_the_run_in_words(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train_step.triplet_loss
    monkeypatch.setattr(
        train_step, "triplet_loss", lambda *given, **named: real(*given, **named) * float("nan")
    )
    with pytest.raises(DusklineError, match="training broke in epoch 1: the loss is not a number"):
        run(places, tmp_path)


def test_what_an_earlier_run_had_learnt_is_told_from_work(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = SETTINGS.queries_per_epoch
    with NotedWork() as told:
        run(places, tmp_path / "whole")
        assert told.work == ("query", SETTINGS.epochs * queries, SETTINGS.epochs * queries)
    monkeypatch.setattr(training, "SAVE_EVERY", 1e9)  # after an epoch only
    kill_after(1, monkeypatch)
    with pytest.raises(KilledError):
        run(places, tmp_path / "parts")
    monkeypatch.setattr(training, "save_state", train_state.save_state)
    with NotedWork() as told:
        run(places, tmp_path / "parts")
        assert told.work == ("query", SETTINGS.epochs * queries, (SETTINGS.epochs - 1) * queries)
