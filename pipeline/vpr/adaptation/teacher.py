"""The teacher, a model of any kind, and the folder of the model adapted from it, of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.core.files import link
from pipeline.runtime.errors import MissingInputError, UserError
from pipeline.vpr.adaptation.student import let_learn, settings_of_student, student_of_ours
from pipeline.vpr.experiments.adapted_weights import read_adapted, write_adapted
from pipeline.vpr.experiments.asymmetric import names_of
from pipeline.vpr.experiments.experiment import ADAPTED, HUB, MODEL, model_digest
from pipeline.vpr.experiments.torch_hub import load_hub_model
from pipeline.vpr.models.descriptor_model import Network, NetworkSettings, load_model, save_model
from pipeline.vpr.training.weight_averaging import weights_of


class Teacher(Protocol):
    """A network that does not change, and how its students are built and saved."""

    @property
    def digest(self) -> str:
        """SHA-256 of its files."""
        ...

    @property
    def network(self) -> nn.Module:
        """Normalised images (N, 3, H, W) to descriptors (N, D)."""
        ...

    def student(self, trainable: str) -> nn.Module:
        """A copy whose modules named by `trainable` are trainable; `ParameterError` for an unknown name."""
        ...

    def weights_for(self, student: nn.Module) -> dict[str, Tensor]:
        """Copies of the teacher's weights in main memory, under the names of `student`."""
        ...

    def save(self, out: Path, student: nn.Module, trainable: str, record: Mapping[str, Any]) -> None:
        """Write the student and `record` (plain values) into the folder `out`."""
        ...


def load_teacher(model: Path) -> Teacher:
    """Load the model in the folder `model`; errors as `load_model` and `load_hub_model`.

    `MissingInputError` when there is none, `UserError` when it combines two models.
    """
    if pair := names_of(model):
        raise UserError(
            f"{model} combines two models, and only one can be the teacher",
            hint=f"use the one whose index exists: {pair.database}",
        )
    if (model / HUB).is_file():
        return _OfHub(model_digest(model), model, load_hub_model(model / HUB))
    if not (model / MODEL).is_file():
        raise MissingInputError(
            f"no such model: {model / MODEL}", hint="make it first: run dvc repro with its stage"
        )
    network, settings, _ = load_model(model / MODEL)
    return _OfOurs(model_digest(model), network.eval(), settings)


@dataclass(frozen=True)
class _OfOurs:
    digest: str
    network: Network
    settings: NetworkSettings

    def student(self, trainable: str) -> Network:
        with torch.random.fork_rng():
            return student_of_ours(self.network, self.settings, trainable)

    def weights_for(self, student: nn.Module) -> dict[str, Tensor]:
        # Splitting into frozen and learning layers changes the names, but not the order.
        return dict(zip(student.state_dict(), weights_of(self.network).values(), strict=True))

    def save(self, out: Path, student: nn.Module, trainable: str, record: Mapping[str, Any]) -> None:
        assert isinstance(student, Network)
        save_model(
            out / MODEL, student, settings_of_student(self.network, self.settings, trainable), dict(record)
        )


@dataclass(frozen=True)
class _OfHub:
    digest: str
    folder: Path
    network: nn.Module

    def student(self, trainable: str) -> nn.Module:
        # Loaded once more, because not every network can be copied.
        student = load_hub_model(self.folder / HUB)
        let_learn(student, trainable)
        return student

    def weights_for(self, student: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the names are the same
        return weights_of(self.network)

    def save(self, out: Path, student: nn.Module, trainable: str, record: Mapping[str, Any]) -> None:  # noqa: ARG002
        before = self.folder / ADAPTED
        known = read_adapted(before)[0] if before.is_file() else {}
        weights = known | {
            name: value.detach() for name, value in student.named_parameters() if value.requires_grad
        }
        write_adapted(out / ADAPTED, weights, record)
        link(self.folder / HUB, out / HUB)
