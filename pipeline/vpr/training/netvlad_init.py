"""Initial clusters of NetVLAD: k-means of local features of the training images."""

from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.runtime.errors import ParameterError
from pipeline.vpr.retrieval.extraction import extract

# K-means steps, as in the benchmark.
_ITERATIONS = 100
# Default seed of faiss.Kmeans.
_FAISS_SEED = 1234


class _Sampled(nn.Module):
    """A backbone's features at random locations of each image: (N, 3, H, W) to (N, locations * C).

    Sampled here and not from all features afterwards, to save memory: all locations of 500 images of 480x640
    would be 600 MB. Images come in order, so the samples do not depend on the batch size.
    """

    def __init__(self, backbone: nn.Module, per_image: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.backbone = backbone
        self.per_image = per_image
        self.rng = rng
        self.channels = 0

    def forward(self, x: Tensor) -> Tensor:
        features = functional.normalize(self.backbone(x)).flatten(2).transpose(1, 2)
        pictures, locations, self.channels = features.shape
        taken = min(self.per_image, locations)
        drawn = np.stack([self.rng.choice(locations, taken, replace=False) for _ in range(pictures)])
        chosen = torch.from_numpy(drawn).to(features.device)[:, :, None]
        return features.take_along_dim(chosen, dim=1).flatten(1)


def initial_descriptors(
    network_backbone: nn.Module,
    read: Callable[[int], Tensor],
    count: int,
    *,
    rng: np.random.Generator,
    images: int = 500,
    per_image: int = 100,
    batch: int,
    device: torch.device,
    workers: int,
) -> np.ndarray:
    """Local features (n, C), float32, unit length: of `images` of the `count` images, `per_image` of each.

    The backbone, (N, 3, H, W) to (N, C, h, w), runs in eval mode. Images and their locations are
    sampled by `rng` without replacement; if there are fewer, all are used. A feature of zeros stays zero.
    Source: the Deep Visual Geo-localization Benchmark. Errors as `extract`.
    """
    pictures = rng.choice(count, min(images, count), replace=False)
    sampled = _Sampled(network_backbone, per_image, rng)
    features = extract(
        sampled,
        lambda place: read(int(pictures[place])),
        len(pictures),
        batch=batch,
        device=device,
        workers=workers,
    )
    return features.reshape(-1, sampled.channels)


def cluster(descriptors: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Centroids (clusters, C), float32, of `descriptors` (n, C) by k-means; they are not of unit length.

    Seed 0 is faiss's own default. Raises `ParameterError` when there are fewer descriptors than clusters.
    """
    if len(descriptors) < clusters:
        raise ParameterError(
            f"{len(descriptors)} local features are too few for {clusters} clusters",
            hint="use fewer clusters, larger images, or a dataset with more images",
        )
    kmeans = faiss.Kmeans(descriptors.shape[1], clusters, niter=_ITERATIONS, seed=_FAISS_SEED + seed)
    kmeans.train(np.ascontiguousarray(descriptors, dtype=np.float32))
    return np.asarray(kmeans.centroids, dtype=np.float32)
