"""Load the model of an experiment: trained by duskline, or of torch.hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from pipeline.vpr.evaluation.multiscale import at_scales
from pipeline.vpr.experiments.adapted_weights import read_adapted
from pipeline.vpr.experiments.experiment import ADAPTED, HUB, MODEL, Experiment, model_digest
from pipeline.vpr.experiments.torch_hub import load_hub_model, read_hub_model
from pipeline.vpr.models.descriptor_model import load_model, read_record


@dataclass(frozen=True)
class TestedModel:
    """The origin of a network.

    digest: of its files. trained_on: digest of the manifest of its training dataset, or for a torch.hub model
    its name in words. learnt_from: in words, how it was trained; "" for a model of others. combination: in
    words, how its two backbones are combined; None for one backbone.
    """

    digest: str
    trained_on: str
    learnt_from: str
    combination: str | None


def read_tested(experiment: Path) -> TestedModel:
    """Read the origin of the model in the folder `experiment`, without loading it.

    Errors as `read_record` and `read_hub_model`.
    """
    digest = model_digest(experiment)
    if (experiment / HUB).is_file():
        hub, _ = read_hub_model(experiment / HUB)
        adapted = experiment / ADAPTED
        learnt_from = str(read_adapted(adapted)[1]["learnt_from"]) if adapted.is_file() else ""
        return TestedModel(digest, hub.words, learnt_from, None)
    parts, record = read_record(experiment / MODEL)
    return TestedModel(digest, record["dataset_digest"], record["learnt_from"], parts.combination)


def load_tested(experiment: Path, settings: Experiment) -> nn.Module:
    """Load the model in the folder `experiment`, with the scales of its settings.

    Errors as `load_model` and `load_hub_model`.
    """
    if (experiment / HUB).is_file():
        return load_hub_model(experiment / HUB)
    network, _, _ = load_model(experiment / MODEL)
    return network if settings.multi_scale == "none" else at_scales(network, settings.multi_scale)
