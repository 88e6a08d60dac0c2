"""Training with the contrastive loss: by day and by night, batch norms frozen, the start's share kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import SetError
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.training import loop, step
from tests.vpr.places import write_places
from tests.vpr.runs import PAIRS, KilledError, assert_same_bits, curve, kill_after, run, weights


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


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


def test_positives_are_drawn_again_and_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = write_places(tmp_path / "set", places=3, twins=True, views=4)
    seen: dict[int, set[int]] = defaultdict(set)
    real = step.Learner.learn

    def watched(self: Any, images: torch.Tensor, rows: Any) -> torch.Tensor:
        assert rows.shape[1] == 4  # query, two positives, turned
        for row in rows:
            assert len({*row[1:3]}) == 2
            seen[int(row[0])] |= {int(row[1]), int(row[2])}
        return real(self, images, rows)

    monkeypatch.setattr(step.Learner, "learn", watched)
    settings = replace(
        PAIRS, drawn_positives=2, batch=4, queries_per_epoch=12, epochs=5, patience=5, similar_places=2
    )
    run(both, tmp_path, settings)
    losses = curve(tmp_path, "loss")
    assert losses[-1] < 0.8 * losses[0]
    # Of the four of its place in the database, and of no other; one draw alone shows two.
    for query, positives in seen.items():
        assert positives <= set(range(query // 4 * 4, query // 4 * 4 + 4))
    assert len(seen) == 12
    assert np.mean([len(positives) for positives in seen.values()]) > 3


def test_a_set_of_nights_alone_is_refused_in_words(tmp_path: Path) -> None:
    both = write_places(tmp_path / "set", twins=True)
    nights = ImageSet(both.root, tuple(row for row in both.rows if row.time_of_day == "night"), both.digest)
    with pytest.raises(SetError, match=r"all 12 images of this part of .* are night images"):
        run(nights, tmp_path, PAIRS)


@pytest.mark.slow
def test_pairs_are_learnt_the_same_for_any_workers_and_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = write_places(tmp_path / "set", twins=True)
    lights = Augmentation(lights=Lights(shade=0.5, windows=9, lamps=1, noise=3))
    settings = replace(
        PAIRS, night_augmentation=lights, schedule="cosine", warmup=2, start_share=0.25, queries_per_epoch=12,
        similar_places=3,
    )  # fmt: skip
    run(both, tmp_path / "one", settings, workers=1)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)
    kill_after(5, monkeypatch)
    with pytest.raises(KilledError):
        run(both, tmp_path / "many", settings, workers=3)
    monkeypatch.undo()
    run(both, tmp_path / "many", settings, workers=3)
    assert_same_bits(tmp_path / "one", tmp_path / "many")
    assert curve(tmp_path / "one", "loss") == curve(tmp_path / "many", "loss")
    changes = {
        "seed": 0,  # no change
        "schedule": "constant",
        "warmup": 0,
        "night_augmentation": None,
        "similar_places": 1,
        "night_weight": 0.5,
    }
    losses = set()
    for name, change in changes.items():
        run(both, tmp_path / name, replace(settings, epochs=1, **{name: change}))
        losses.add(curve(tmp_path / name, "loss")[0])
    assert len(losses) == len(changes)


def test_every_query_comes_once_before_any_comes_again(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    real = step.Learner.learn

    def watched(self: Any, images: torch.Tensor, rows: Any) -> torch.Tensor:
        seen.append(rows[:, 0].tolist())
        return real(self, images, rows)

    monkeypatch.setattr(step.Learner, "learn", watched)
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
