"""The weights of an earlier run, with which a training run may begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pipeline.core.files import digest_file
from pipeline.runtime.errors import DusklineError
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.training.settings import TrainSettings


@dataclass(frozen=True)
class Start:
    """The weights by name, and the digest of their file."""

    weights: dict[str, torch.Tensor]
    digest: str

    @classmethod
    def of(cls, path: Path, settings: TrainSettings) -> Start:
        """Read a model.pt; `DusklineError` when it is another network than `settings` ask for."""
        network, found, _ = load_model(path)
        # Where first weights came from is not the network's form.
        wanted = replace(settings.network, weights=found.weights)
        if found != wanted:
            raise DusklineError(
                f"{path} is another network than the one to train: expected {wanted}, found {found}",
                hint="start from a model of the same backbone, aggregation and trainable layers",
            )
        return cls(network.state_dict(), digest_file(path))
