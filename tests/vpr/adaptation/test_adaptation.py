"""A model is taught on a few made-up places: it learns, it can be ended anywhere, its index stays."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from pipeline.compute.distributed.training_state import save_state
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.runtime.errors import CheckpointError, MissingInputError, ParameterError, SetError, UserError
from pipeline.vpr.adaptation import adaptation
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.asymmetric import Asymmetric, join_models
from pipeline.vpr.experiments.experiment import ADAPTED, Experiment, write_experiment
from pipeline.vpr.experiments.torch_hub import HubModel, load_hub_model, register_hub_model
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.results.metrics import read_metrics
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from pipeline.vpr.training import loop
from pipeline.vpr.training.losses import contrastive_loss
from tests.vpr.adaptation.runs import SETTINGS, run, write_teacher
from tests.vpr.experiments.test_torch_hub import write_repository
from tests.vpr.places import write_places


class KilledError(Exception):
    """Ends a run where a test needs it ended."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set", twins=True)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def whole(places: ImageSet, teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    run(places, teacher, root)
    return root


def weights(root: Path) -> dict[str, torch.Tensor]:
    return load_model(root / "out" / "model.pt")[0].state_dict()


def assert_same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_it_learns_and_says_by_what(whole: Path, places: ImageSet, teacher: Path, tmp_path: Path) -> None:
    summary = run(places, teacher, tmp_path, replace(SETTINGS, steps=40))
    assert summary.steps == 40
    assert summary.last_loss < 0.75 * summary.first_loss
    _, settings, record = load_model(whole / "out" / "model.pt")
    assert settings.trainable == "all"
    assert record["dataset_digest"] == places.digest
    assert record["learnt_from"].startswith(
        "adapted from teacher, the teacher's index kept; 6 steps of 3 places"
    )
    assert list((whole / "work").iterdir()) == []
    assert json.loads((whole / "live" / "metrics.json").read_text())["loss"] > 0


@pytest.mark.parametrize("states", [1, 4])
def test_a_killed_run_ends_in_the_same_weights(
    places: ImageSet,
    teacher: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    states: int,
) -> None:
    done = 0

    def killing(*state: object) -> None:
        nonlocal done
        save_state(*state)  # type: ignore[arg-type]
        done += 1
        if done == states:
            raise KilledError

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(loop, "SAVE_EVERY", 0.0)
        patch.setattr(loop, "save_state", killing)
        run(places, teacher, tmp_path)
    assert not (tmp_path / "out").exists()
    assert run(places, teacher, tmp_path, workers=3).started_at == states
    assert_same_bits(weights(tmp_path), weights(whole))


def test_what_does_not_learn_and_the_teacher_stay_to_the_bit(
    places: ImageSet, teacher: Path, tmp_path: Path
) -> None:
    before = (teacher / "model.pt").read_bytes()
    run(places, teacher, tmp_path, replace(SETTINGS, trainable="layer3"))
    assert (teacher / "model.pt").read_bytes() == before
    taught = load_model(teacher / "model.pt")[0].state_dict().values()
    same = [torch.equal(one, other) for one, other in zip(taught, weights(tmp_path).values(), strict=True)]
    first = [name.split(".")[1] for name in weights(tmp_path)].index("learning")
    assert all(same[:first])
    assert not all(same[first:])


def test_of_a_transformer_its_last_blocks_are_taught(places: ImageSet, tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "teacher", backbone="vit_tiny_patch16_224", stride=16)
    run(places, teacher, tmp_path, replace(SETTINGS, steps=2, trainable="blocks.11"))
    taught = load_model(teacher / "model.pt")[0].state_dict()
    moved = [name for name, value in weights(tmp_path).items() if not torch.equal(value, taught[name])]
    assert any(".blocks.11." in name for name in moved)
    assert all(".blocks.11." in name or name == "aggregation.pooling.p" for name in moved)


@pytest.mark.slow
def test_a_share_of_the_teacher_is_averaged_in(
    places: ImageSet, teacher: Path, whole: Path, tmp_path: Path
) -> None:
    run(places, teacher, tmp_path, replace(SETTINGS, teacher_share=0.25))
    taught = load_model(teacher / "model.pt")[0].state_dict()
    for name, value in weights(tmp_path).items():
        if value.is_floating_point():
            expected = torch.lerp(weights(whole)[name], taught[name], 0.25)
            torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_rebuilding_lets_both_sides_learn(
    places: ImageSet, teacher: Path, whole: Path, tmp_path: Path
) -> None:
    run(places, teacher, tmp_path, replace(SETTINGS, index="rebuild"))
    one, other = weights(tmp_path), weights(whole)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("index", "by_distance"), [("keep", True), ("rebuild", False)])
def test_a_kept_index_is_compared_by_distance_as_retrieval_does(
    index: Literal["keep", "rebuild"],
    by_distance: bool,
    places: ImageSet,
    teacher: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = []

    def seen(*values: object, **options: object) -> torch.Tensor:
        given.append(options)
        return contrastive_loss(*values, **options)

    monkeypatch.setattr(adaptation, "contrastive_loss", seen)
    run(places, teacher, tmp_path, replace(SETTINGS, index=index, steps=1))
    assert given == [{"by_distance": by_distance}]


def test_where_no_query_has_a_positive_each_picture_is_its_own(
    teacher: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lone = write_places(tmp_path / "lone", views=1, twins=True)
    with caplog.at_level(logging.INFO):
        summary = run(_only_database(lone, tmp_path / "database"), teacher, tmp_path / "alone")
    assert "each of its 6 day images is its own positive" in caplog.text
    assert summary.steps == 6


def _only_database(images: ImageSet, root: Path) -> ImageSet:
    writer = SetWriter(root)
    for row in images.where(role="database"):
        writer.take(row, images)
    return writer.finish()


def test_of_fewer_places_than_a_batch_there_are_as_many_steps_as_asked(
    places: ImageSet, teacher: Path, tmp_path: Path
) -> None:
    # Twelve queries.
    assert run(places, teacher, tmp_path, replace(SETTINGS, steps=3, batch=50)).steps == 3


def test_one_place_alone_teaches_nothing(teacher: Path, tmp_path: Path) -> None:
    lone = _only_database(write_places(tmp_path / "set", 1, 1, twins=True), tmp_path / "database")
    with pytest.raises(SetError, match="has only one place, and training needs two or more"):
        run(lone, teacher, tmp_path)


def test_a_set_without_nights_is_refused(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="has no night images of its day images"):
        run(write_places(tmp_path / "days"), teacher, tmp_path)


def test_a_model_that_is_not_there_and_a_stage_that_is_not_there(
    places: ImageSet, teacher: Path, tmp_path: Path
) -> None:
    with pytest.raises(MissingInputError, match="no such model"):
        run(places, tmp_path / "absent", tmp_path)
    with pytest.raises(ParameterError, match="has no stage 'layer9'") as caught:
        run(places, teacher, tmp_path, replace(SETTINGS, trainable="layer9"))
    assert caught.value.hint.startswith("set trainable to all or late_layers, or to the first stage")


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    roles: list[str] = []
    pieces, descriptors = Extraction.pieces, Extraction.descriptors

    def counted_pieces(
        self: Extraction, network: torch.nn.Module, pictures: SplitImages
    ) -> Iterator[np.ndarray]:
        roles.append("database")
        return pieces(self, network, pictures)

    def counted(
        self: Extraction, network: torch.nn.Module, pictures: SplitImages, batch: int = 32
    ) -> np.ndarray:
        roles.append("queries")
        return descriptors(self, network, pictures, batch)

    monkeypatch.setattr(Extraction, "pieces", counted_pieces)
    monkeypatch.setattr(Extraction, "descriptors", counted)
    return roles


def evaluated(model: Path, images: ImageSet, root: Path) -> Path:
    experiment = Experiment(model.name, 48, 48, "hard_resize", "none", 25.0, None, True, "off", 1)
    write_experiment(root / f"of_{model.name}", experiment, model)
    out = root / "results" / model.name
    evaluate(root / f"of_{model.name}", images, out, root / "store", device="cpu", workers=1)
    return out


def test_the_index_that_is_there_is_asked_and_not_made_again(
    places: ImageSet, teacher: Path, whole: Path, tmp_path: Path, described: Sequence[str]
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "old").symlink_to(teacher)
    (models / "new").symlink_to(whole / "out")
    join_models(Asymmetric("new", "old"), models, models / "both")
    before = evaluated(models / "old", places, tmp_path)
    assert described == ["queries", "database"]
    after = evaluated(models / "both", places, tmp_path)
    assert described == ["queries", "database", "queries"]
    index, queries = "descriptors_database.npy", "descriptors_queries.npy"
    assert (after / index).read_bytes() == (before / index).read_bytes()
    assert (after / queries).read_bytes() != (before / queries).read_bytes()
    metrics = read_metrics(after)
    assert (metrics.model, metrics.described) == ("both", "queries by new, database by old")
    assert metrics.protocol.startswith("queries by new, database by old; images resized")
    assert read_metrics(before).described == ""


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts images that are read from now on, by role."""
    found: Counter[str] = Counter()
    file = SplitImages.file

    def counted(self: SplitImages, index: int) -> tuple[bytes, str]:
        found[self.rows[index].role] += 1
        return file(self, index)

    monkeypatch.setattr(SplitImages, "file", counted)
    return found


def test_an_index_of_other_descriptors_is_refused(
    places: ImageSet, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a database of millions only the first images are described for it.
    monkeypatch.setattr("pipeline.vpr.retrieval.retrieval_evaluation.PIECE", 1)
    read = count_reads(monkeypatch)
    models = tmp_path / "models"
    write_teacher(models / "other", aggregation="netvlad", clusters=2, l2=None)
    (models / "new").symlink_to(whole / "out")
    join_models(Asymmetric("new", "other"), models, models / "both")
    with pytest.raises(ParameterError, match="have 256 dimensions and database descriptors 512"):
        evaluated(models / "both", places, tmp_path)
    assert read["database"] == 1


def test_two_models_as_one_are_neither_teacher_nor_half_of_two_others(
    places: ImageSet, teacher: Path, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").symlink_to(teacher)
    (tmp_path / "new").symlink_to(whole / "out")
    join_models(Asymmetric("new", "old"), tmp_path, tmp_path / "both")
    with pytest.raises(UserError, match="both combines two models, and only one can") as caught:
        run(places, tmp_path / "both", tmp_path)
    assert caught.value.hint == "use the one whose index exists: old"
    for names in (Asymmetric("both", "old"), Asymmetric("new", "both")):
        with pytest.raises(UserError, match="both already combines two models"):
            join_models(names, tmp_path, tmp_path / "more")


def test_both_models_must_be_there(tmp_path: Path) -> None:
    write_teacher(tmp_path / "old")
    with pytest.raises(MissingInputError, match=r"no such model: .*/absent"):
        join_models(Asymmetric("old", "absent"), tmp_path, tmp_path / "both")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delitem(__import__("sys").modules, "made_up_layers", raising=False)
    repository = write_repository(tmp_path / "repository")
    model = HubModel("local", str(repository), "described", {"side": 6}, trust_repo=True)
    register_hub_model(model, tmp_path / "hub")
    return tmp_path / "hub"


def test_a_model_of_others_is_taught_and_taught_again(hub: Path, places: ImageSet, tmp_path: Path) -> None:
    run(places, hub, tmp_path / "one")
    run(places, tmp_path / "one" / "out", tmp_path / "two", replace(SETTINGS, seed=1))
    scales = [
        load_hub_model(folder / "hub.json").state_dict()["scale"].item()
        for folder in (hub, tmp_path / "one" / "out", tmp_path / "two" / "out")
    ]
    # The teacher's own stays; the second continues from the first.
    assert scales[0] == 2.0
    assert 0 < abs(scales[1] - 2.0) < abs(scales[2] - 2.0) < 0.1
    learnt = evaluated(tmp_path / "one" / "out", places, tmp_path)
    assert read_metrics(learnt).trained_on.startswith("described(side=6) of ")
    assert read_metrics(learnt).learnt_from.startswith("adapted from teacher")


def test_weights_that_do_not_fit_are_named(hub: Path, places: ImageSet, tmp_path: Path) -> None:
    run(places, hub, tmp_path)
    path = tmp_path / "out" / ADAPTED
    document = torch.load(path, weights_only=True)
    torch.save(document | {"weights": {"other": torch.zeros(1)}}, path)
    with pytest.raises(CheckpointError, match="weights belong to another network, the first is other"):
        load_hub_model(tmp_path / "out" / "hub.json")
    path.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="cannot be read as adapted weights"):
        load_hub_model(tmp_path / "out" / "hub.json")
