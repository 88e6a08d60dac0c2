"""The model of an experiment, ready to be tested: one that was trained here, or one of torch.hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from pipeline.core.files import digest_file
from pipeline.vpr.evaluation.multiscale import at_scales
from pipeline.vpr.experiments.experiment import HUB, MODEL, Experiment
from pipeline.vpr.experiments.torch_hub import load_hub_model
from pipeline.vpr.models.descriptor_model import load_model


@dataclass(frozen=True)
class TestedModel:
    """A network and where it comes from.

    digest: of the file that holds it or stands for it. trained_on: digest of the manifest of its training
    set, or the words that say where it comes from. learnt_from: in words, what was done to that set's images;
    "" of a model of others. combination: in words, how its parts are combined; None where it has one.
    """

    network: nn.Module
    digest: str
    trained_on: str
    learnt_from: str
    combination: str | None


def load_tested(experiment: Path, settings: Experiment) -> TestedModel:
    """Load the model in the folder `experiment`, at the scales of its settings.

    Errors as `load_model` and `load_hub_model`.
    """
    if (experiment / HUB).is_file():
        hub_network, hub = load_hub_model(experiment / HUB)
        return TestedModel(hub_network, digest_file(experiment / HUB), hub.words, "", None)
    network, parts, record = load_model(experiment / MODEL)
    if settings.multi_scale != "none":
        network = at_scales(network, settings.multi_scale)
    digest = digest_file(experiment / MODEL)
    return TestedModel(network, digest, record["dataset_digest"], record["learnt_from"], parts.combination)
