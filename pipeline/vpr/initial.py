"""Where NetVLAD begins: clusters of local features of the pictures it is to learn from."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import torch
from torch import Tensor, nn

from pipeline.core.errors import ParameterError
from pipeline.vpr.aggregation import l2_normalised
from pipeline.vpr.descriptors import extract

# As in the benchmark.
_IMAGES = 500
_PER_IMAGE = 100
_ITERATIONS = 100


class _Locations(nn.Module):
    """A backbone's features, normalised at each location, as one flat vector of (location, channel)."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        features = l2_normalised(self.backbone(x))
        self.channels = features.shape[1]
        return features.flatten(2).transpose(1, 2).flatten(1)


def initial_descriptors(
    backbone: nn.Module,
    read: Callable[[int], Tensor],
    count: int,
    *,
    rng: np.random.Generator,
    batch: int,
    device: torch.device,
    workers: int,
) -> np.ndarray:
    """Local features (n, C), unit length: of 500 of the `count` pictures, of 100 locations of each.

    Pictures and locations are drawn by `rng` without replacement; where there are fewer, all are taken.
    """
    pictures = rng.choice(count, min(_IMAGES, count), replace=False)
    locations = _Locations(backbone)
    flat = extract(
        locations,
        lambda place: read(int(pictures[place])),
        len(pictures),
        batch=batch,
        device=device,
        workers=workers,
    )
    grids = flat.reshape(len(flat), -1, locations.channels)
    taken = min(_PER_IMAGE, grids.shape[1])
    return np.concatenate([grid[rng.choice(len(grid), taken, replace=False)] for grid in grids])


def cluster(descriptors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Centroids (clusters, C) of `descriptors` (n, C) by k-means; `ParameterError` when there are too few."""
    if len(descriptors) < clusters:
        raise ParameterError(
            f"{clusters} clusters cannot be made of {len(descriptors)} local features",
            hint="take fewer clusters, larger pictures, or a set of more images",
        )
    kmeans = faiss.Kmeans(descriptors.shape[1], clusters, niter=_ITERATIONS, seed=seed + 1234)
    kmeans.train(np.ascontiguousarray(descriptors, dtype=np.float32))
    return np.asarray(kmeans.centroids, dtype=np.float32)
