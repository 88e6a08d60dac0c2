"""Models with weights of noise, of each kind, in folders as stages leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipeline.vpr.experiments.adapted_weights import write_adapted
from pipeline.vpr.experiments.experiment import ADAPTED, HUB, MODEL
from pipeline.vpr.experiments.torch_hub import HubModel, load_hub_model, register_hub_model
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, save_model
from tests.vpr.experiments.test_torch_hub import write_repository

RECORD = {"dataset_digest": "abc", "learnt_from": "adapted from day, the teacher's index kept"}


def settings_of(backbone: str, **changes: Any) -> NetworkSettings:
    """Of a network that ends in NetVLAD."""
    known: dict[str, Any] = {"weights": "none", "trainable": "all", "aggregation": "netvlad", "clusters": 3}
    return NetworkSettings(backbone, **known | changes)


def gem(l2: str = "before_pool") -> dict[str, Any]:
    return {"aggregation": "gem", "clusters": None, "l2": l2}


def write_model(folder: Path, settings: NetworkSettings, **record: Any) -> Path:
    """A model of ours, of which each number is another than it is drawn."""
    torch.manual_seed(0)
    # As trainings leave it, which shows in the strides of weights of one pixel, and so in the rounding.
    network = build_network(settings).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value *= 1 + 0.1 * torch.rand_like(value)
            # A variance stays one.
            value += 0 if name.endswith("running_var") else 0.1 * (torch.rand_like(value) - 0.5)
    save_model(folder / MODEL, network, settings, RECORD | record)
    return folder


def write_hub_model(folder: Path, repository: Path, entry: str = "described", **arguments: Any) -> Path:
    """A model of others, from a made-up folder with code."""
    if not repository.exists():
        write_repository(repository)
    register_hub_model(HubModel("local", str(repository), entry, arguments, trust_repo=True), folder)
    return folder


def adapt_hub_model(folder: Path, **record: Any) -> Path:
    """Give the model of others in `folder` other weights, as if it had learnt them."""
    network = load_hub_model(folder / HUB)
    weights = {name: value.detach() + 1 for name, value in network.named_parameters()}
    write_adapted(folder / ADAPTED, weights, RECORD | record)
    return folder
