"""What only a GPU can show of the recogniser; `python -m pytest -m gpu` where there is one (docs/gpu.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.compute.device.precision import device_of
from pipeline.compute.distributed.group import ALONE
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.models.descriptor_model import NetworkSettings, Recogniser, build_network, load_model
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from pipeline.vpr.training import loop, training
from pipeline.vpr.training.losses import triplet_loss
from pipeline.vpr.training.step import Learner
from tests.vpr.places import write_places
from tests.vpr.runs import PAIRS, SETTINGS, KilledError, curve, kill_after

pytestmark = pytest.mark.gpu

CPU, GPU = torch.device("cpu"), torch.device("cuda")
NETVLAD = NetworkSettings("resnet18conv4", "none", "all", "netvlad", 16)
GEM = NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool")


class Drawn:
    """Images that are drawn numbers."""

    def __len__(self) -> int:
        return 70

    def read(self, index: int) -> torch.Tensor:
        return torch.randn(3, 96, 128, generator=torch.Generator().manual_seed(index))


def network(settings: NetworkSettings, device: torch.device) -> Recogniser:
    torch.manual_seed(0)
    built = build_network(settings)
    assert isinstance(built, Recogniser)
    return built.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


@pytest.mark.parametrize("settings", [NETVLAD, GEM], ids=["netvlad", "gem"])
def test_descriptors_are_the_processors(settings: NetworkSettings) -> None:
    found, wanted = (
        Extraction(device, 2).descriptors(network(settings, device), Drawn()) for device in (GPU, CPU)
    )
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("settings", [NETVLAD, GEM], ids=["netvlad", "gem"])
def test_descriptors_in_bfloat16_are_near(settings: NetworkSettings) -> None:
    found = Extraction(GPU, 2, "bfloat16").descriptors(network(settings, GPU), Drawn())
    wanted = Extraction(CPU, 2).descriptors(network(settings, CPU), Drawn())
    cosines = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() > 0.999


def test_a_training_step_is_the_processors() -> None:
    images = torch.stack([Drawn().read(index) for index in range(12)])
    rows = np.arange(12).reshape(3, 4)

    def of_triplets(descriptors: torch.Tensor, rows: np.ndarray, _: object) -> torch.Tensor:
        return triplet_loss(descriptors, 2, 0.1, batch=len(rows))

    losses, gradients = [], []
    for device in (GPU, CPU):
        recogniser = network(NETVLAD, device)
        optimizer = torch.optim.Adam(recogniser.parameters(), lr=1e-4, fused=device.type == "cuda")
        learner = Learner(recogniser, optimizer, of_triplets, device, "off", ALONE)
        losses.append(float(learner.learn(images, rows)))
        gradients.append(
            torch.cat(
                [value.grad.cpu().flatten() for value in recogniser.parameters() if value.grad is not None]
            )
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert (gradients[0] - gradients[1]).norm() < 2e-3 * gradients[1].norm()


@pytest.mark.parametrize("settings", [SETTINGS, PAIRS], ids=["triplets", "pairs"])
def test_a_killed_training_goes_on(
    settings: training.TrainSettings, places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str) -> None:
        folder = tmp_path / name
        training.train_model(
            settings, places, folder / "out", folder / "work", live=folder / "live", device="cuda", workers=2
        )

    run("whole")
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(loop, "SAVE_EVERY", 0.0)
        kill_after(2, patch)
        run("parts")
    run("parts")
    _, _, record = load_model(tmp_path / "parts" / "out" / "model.pt")
    assert record["numeric_path"] == "cuda, float32"
    # Sums on a GPU are made in an order that is not always the same.
    found, wanted = (curve(tmp_path / name, "loss") for name in ("parts", "whole"))
    assert found == pytest.approx(wanted, rel=5e-2)


def test_an_evaluation_finds_what_the_processor_finds(places: ImageSet, tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=1)
    training.train_model(
        settings,
        places,
        tmp_path / "out",
        tmp_path / "work",
        live=tmp_path / "live",
        device="cuda",
        workers=2,
    )
    write_experiment(
        tmp_path / "experiment",
        Experiment(
            model="out", height=48, width=48, queries="hard_resize", multi_scale="none", radius=25,
            ivfpq_above=None, save_descriptors=False, autocast="off", cpu_threads=1,
        ),
        tmp_path / "out",
    )  # fmt: skip
    found, wanted = (
        evaluate(
            tmp_path / "experiment", places, tmp_path / wish, tmp_path / "store" / wish,
            device=wish, workers=2,
        )
        for wish in ("auto", "cpu")
    )  # fmt: skip
    assert device_of("auto").type == "cuda"
    assert found.hits == wanted.hits
