"""One training step: loss, gradients, and the update of the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.compute.device.precision import autocast
from pipeline.compute.device.transfer import to_device
from pipeline.compute.distributed.group import Group
from pipeline.vpr.retrieval.batchnorm_folding import folded_train_mode
from pipeline.vpr.training.examples.tuple_loader import PairReader
from pipeline.vpr.training.losses import contrastive_loss, triplet_loss
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.training_data import TrainingData

# The loss of the descriptors of this process's share of a batch, given all example rows of the batch. With
# several processes, losses and gradients sum to those of the batch.
Loss = Callable[[Tensor, np.ndarray, Group], Tensor]


def batch_norms(network: nn.Module) -> Iterator[nn.Module]:
    """All batch norms of a network, of any type."""
    return (module for module in network.modules() if isinstance(module, _BatchNorm))


def loss_of(settings: TrainSettings, material: TrainingData) -> Loss:
    """The loss that `settings` name, for examples of `material`."""
    reader = material.reader

    def of_triplets(descriptors: Tensor, rows: np.ndarray, _: Group) -> Tensor:
        return triplet_loss(descriptors, settings.negatives or 0, settings.margin or 0.0, batch=len(rows))

    def of_pairs(descriptors: Tensor, rows: np.ndarray, group: Group) -> Tensor:
        assert isinstance(reader, PairReader)
        assert settings.temperature is not None
        near = torch.from_numpy(material.near(rows)).to(descriptors.device)
        places = descriptors.unflatten(0, (-1, reader.pictures))
        return contrastive_loss(places, near, settings.temperature, group, settings.night_weight)

    return of_triplets if settings.loss == "triplet" else of_pairs


@dataclass(frozen=True)
class Learner:
    """A network with its optimizer and loss, device and number format (`numbers`, "bfloat16" or "off")."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Loss
    device: torch.device
    numbers: str
    group: Group
    batch_norm: Literal["learning", "frozen"] = "learning"

    def learn(self, images: Tensor, rows: np.ndarray) -> Tensor:
        """Train on `images`, this process's share of the images of example `rows`; return the loss.

        Nothing here waits for a CUDA device, so the loss stays there.
        """
        self.network.train()
        if self.batch_norm == "frozen":
            for module in batch_norms(self.network):
                module.eval()
        images = to_device(images, self.device)
        with autocast(self.device, self.numbers), folded_train_mode(self.network):
            descriptors = self.network(images)
        loss = self.loss(descriptors.float(), rows, self.group)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        total = loss.detach()
        gradients = [value.grad for value in self.network.parameters() if value.grad is not None]
        self.group.add([total, *gradients])
        self.optimizer.step()
        return total
