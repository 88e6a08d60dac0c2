"""Check that a training run fits into memory before it starts."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from pipeline.compute.device.precision import autocast
from pipeline.compute.resources.memory import require_memory
from pipeline.vpr.models.descriptor_model import Network
from pipeline.vpr.retrieval.memory_estimate import Footprint, footprint, step_bytes
from pipeline.vpr.training.settings import TrainSettings

# Queries whose nearest positives are found at once, if they are found before training.
PAIRS_AT_ONCE = 1000
# Input batches in memory at once: one in the network and two read ahead.
_INPUTS = 3
# Three colours in float32.
_BYTES_OF_PIXEL = 12


def require_training_memory(
    settings: TrainSettings,
    network: Network,
    queries: int,
    database: int,
    device: torch.device,
    numbers: str,
    processes: int,
) -> None:
    """Raise `DusklineError` when a step or a round of mining does not fit; the hint says what to lower.

    `queries`: number of queries with a positive among `database` images. `numbers`: "bfloat16" or "off".
    `processes` share each batch, and on a CPU also the memory.
    """
    watched = watched_step(network, settings.height, settings.width, device, numbers)
    shared = processes if device.type == "cpu" else 1
    if settings.negatives is None:
        examples, fewer, less = "queries with their nights", "batch", "lower clusters"
    else:
        examples = f"queries with {settings.negatives} negatives"
        fewer, less = "batch, negatives", "lower queries_per_cache or negative_samples"
    require_memory(
        f"a step of {settings.batch} {examples} at {settings.width}x{settings.height}",
        shared * step_memory(settings, watched, processes),
        device,
        f"lower {fewer}, height or width, or set autocast: bfloat16",
    )
    if settings.similar_places > 1:
        # Descriptors of all queries, and once more while they are concatenated.
        require_memory(
            f"finding similar places among {queries:,} descriptors of {network.descriptor_size:,} dimensions",
            shared * 8 * queries * network.descriptor_size,
            torch.device("cpu"),
            "set similar_places: 1, lower clusters, or use an aggregation with a shorter descriptor (gem)",
        )
    asking = settings.queries_per_cache or PAIRS_AT_ONCE
    if settings.mining == "full":
        asked, less = database, "set mining: partial, lower queries_per_cache"
    else:
        # Each query adds its hard positives, usually one or a few.
        asked = min(asking + (settings.negative_samples or 0), database)
    require_memory(
        f"mining among {asking + asked:,} descriptors of {network.descriptor_size:,} dimensions",
        shared * _mining_bytes(asking, asked, network.descriptor_size),
        torch.device("cpu"),
        f"{less}, or use an aggregation with a shorter descriptor (gem)",
    )


@dataclass(frozen=True)
class WatchedStep:
    """Memory of a network for each image of a step, and the bytes of its trainable weights."""

    found: Footprint
    weights: int


def watched_step(
    network: Network, height: int, width: int, device: torch.device, numbers: str
) -> WatchedStep:
    """Measure a step on two empty images; the network does not change."""
    picture = torch.zeros((1, 3, height, width), device=device)
    with autocast(device, numbers):
        copied = copy.deepcopy(network).train()
        found = footprint(copied, picture.contiguous(memory_format=torch.channels_last), learning=True)
    return WatchedStep(found, sum(value.nbytes for value in network.parameters() if value.requires_grad))


def step_memory(settings: TrainSettings, watched: WatchedStep, processes: int = 1) -> int:
    """Bytes that a step needs on one device, with its images and those read ahead."""
    pictures = -(-settings.batch // processes) * settings.pictures
    inputs = _INPUTS * pictures * _BYTES_OF_PIXEL * settings.height * settings.width
    return step_bytes(watched.found, pictures, watched.weights) + inputs


def _mining_bytes(queries: int, database: int, size: int) -> int:
    """Peak memory of these descriptors and their distances: float64 beside float32, and squares or sums."""
    return 12 * (queries + database) * size + max(8 * database * size, 24 * queries * database)
