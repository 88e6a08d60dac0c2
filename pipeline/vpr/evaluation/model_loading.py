"""The model of an experiment, to be tested: one that was trained here, or one of torch.hub."""

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
    """Where a network comes from.

    digest: of the file that holds it or stands for it. trained_on: digest of the manifest of its training
    set, or the words that say where it comes from. learnt_from: in words, what was done to that set's images;
    "" of a model of others. combination: in words, how its parts are combined; None where it has one.
    """

    digest: str
    trained_on: str
    learnt_from: str
    combination: str | None


def read_tested(experiment: Path) -> TestedModel:
    """Read where the model in the folder `experiment` comes from, without loading it.

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
    """Load the model in the folder `experiment`, at the scales of its settings.

    Errors as `load_model` and `load_hub_model`.
    """
    if (experiment / HUB).is_file():
        return load_hub_model(experiment / HUB)
    network, _, _ = load_model(experiment / MODEL)
    return network if settings.multi_scale == "none" else at_scales(network, settings.multi_scale)
