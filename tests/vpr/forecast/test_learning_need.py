"""What trainings ask of a GPU: compared with numbers worked out by hand, and against each other."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.params import read_params
from pipeline.vpr.forecast.learning_need import LearningNeed, learning_needs
from tests.import_graph import ROOT


def needs(profile: str, **of_train: Any) -> dict[str, LearningNeed]:
    params = read_params(ROOT / "profiles" / f"{profile}.yaml")
    train = {name: entry | of_train for name, entry in params["train"].items()}
    return {need.where: need for need in learning_needs(params | {"train": train})}


def test_pictures_are_those_of_all_steps() -> None:
    found = needs("city")
    # Of each of 2,400 queries the query, its positive and its night.
    assert {need.where: need.pictures for need in found.values()} == {"train.day": 7200, "train.dn": 7200}
    more = needs("city", drawn_positives=3, epochs=2)
    assert more["train.dn"].pictures == 2 * 2400 * 5


def test_more_pictures_in_a_step_want_more_memory_and_time() -> None:
    few, many = needs("city")["train.dn"], needs("city", drawn_positives=3)["train.dn"]
    assert 1.4 < many.memory / few.memory < 1.7
    assert many.operations == pytest.approx(few.operations * 5 / 3)


def test_operations_are_those_of_the_network() -> None:
    found = needs("city")["train.dn"]
    each = found.operations / found.pictures / 3
    # The network has 0.4 GFLOP times two at 224x224 by its makers; up to stride 16, at 240x180, less.
    assert 0.2e9 < each < 0.8e9


def test_time_is_that_of_the_slower_side() -> None:
    reads = LearningNeed("train.x", pictures=3600, operations=60e12, memory=1)
    assert reads.seconds(1) == pytest.approx(20.0)
    assert reads.seconds(1000) == pytest.approx(1.0)


def test_a_transformer_of_others_by_hand() -> None:
    params = read_params(ROOT / "profiles" / "adapt_megaloc.yaml")
    [need] = learning_needs(params)
    # docs/adapt.md: weights of two 0.69, what learns 0.17, and 0.89 GB of two images of 16 places.
    assert need.memory == pytest.approx(1.74e9, rel=0.01)
    assert need.assumed == "a ViT-B/14"
    assert need.pictures == 300 * 16 * 3
    # 100 GFLOP an image.
    assert need.operations / need.pictures / 3 == pytest.approx(1.0e11, rel=0.05)


def test_it_is_said_that_it_is_calculated() -> None:
    params = read_params(ROOT / "profiles" / "adapt_megaloc.yaml")
    [need] = learning_needs(params)
    said = need.in_words(8)
    assert said.startswith("adapt.kept: on a GPU about 1.7 GB of its memory, ")
    assert said.endswith("8 cores, the model assumed to be a ViT-B/14)")


def test_entries_that_no_stage_takes_are_passed_over() -> None:
    assert list(learning_needs({"train": {"a": {"lr": 1}, "b": None}, "adapt": {"c": {}}})) == []
