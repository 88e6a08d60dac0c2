"""Aggregate a grid of local features into one descriptor of the image: NetVLAD, GeM."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.runtime.errors import DusklineError

# Weight of the second best cluster as a share of the best one's, on average, after initialisation.
_SECOND_SHARE = 0.01


class GeM(nn.Module):
    """Generalised mean with a learnable power p: (N, C, H, W) -> (N, C, 1, 1).

    Values are clamped from below at `eps`. Radenovic et al., "Fine-tuning CNN image retrieval with no human
    annotation", 2018, equation 3.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Pool the grid."""
        return x.clamp(min=self.eps).pow(self.p).mean((2, 3), keepdim=True).pow(1.0 / self.p)


class Pooled(nn.Module):
    """A pooling with L2 normalisation before or after it: (N, C, H, W) -> (N, C).

    l2: "before_pool" normalises each location over its channels (the descriptor is then not of unit length),
    "after_pool" the pooled vector, "none" neither.
    """

    def __init__(self, pooling: nn.Module, l2: Literal["before_pool", "after_pool", "none"]) -> None:
        super().__init__()
        self.pooling = pooling
        self.l2 = l2

    def forward(self, x: Tensor) -> Tensor:
        """Pool and flatten."""
        if self.l2 == "before_pool":
            x = functional.normalize(x)
        x = self.pooling(x)
        if self.l2 == "after_pool":
            x = functional.normalize(x)
        return x.flatten(1)


class NetVLAD(nn.Module):
    """Residuals to K clusters, summed by soft assignment: (N, D, H, W) -> (N, K * D), unit length.

    Arandjelovic et al., "NetVLAD", 2016, equation 4, with intra-normalisation; cluster 0's D values first.
    The assignment is a 1x1 convolution without bias; locations are normalised over their channels first.
    """

    def __init__(self, clusters: int, channels: int) -> None:
        super().__init__()
        self.clusters = clusters
        self.conv = nn.Conv2d(channels, clusters, kernel_size=1, bias=False)
        self.centroids = nn.Parameter(torch.rand(clusters, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Aggregate the grid."""
        x = functional.normalize(x)
        # (N, K, L) weights and (N, D, L) features: sum_l a (x - c) = a x^T - (sum_l a) c
        assignment = functional.softmax(self.conv(x).flatten(2), dim=1)
        sums = torch.bmm(assignment, x.flatten(2).transpose(1, 2).to(assignment.dtype))
        residuals = sums - assignment.sum(2).unsqueeze(2) * self.centroids
        return functional.normalize(functional.normalize(residuals, dim=2).flatten(1))

    def initialise(self, centroids: np.ndarray, descriptors: np.ndarray) -> None:
        """Set clusters and assignment from k-means `centroids` (K, D) of local `descriptors` (n, D)."""
        _, weight = initial_assignment(centroids, descriptors)
        with torch.no_grad():
            self.centroids.copy_(torch.from_numpy(centroids))
            self.conv.weight.copy_(torch.from_numpy(weight)[:, :, None, None])


def initial_assignment(centroids: np.ndarray, descriptors: np.ndarray) -> tuple[float, np.ndarray]:
    """Return alpha and the weights alpha * c / |c|, (K, D), of the initial assignment.

    alpha makes the weight of the second best cluster one hundredth of the best one's when their similarities
    differ by the average over `descriptors` (n, D), which have unit length. `DusklineError` when there is no
    difference: K < 2, clusters in one direction, or a cluster of length 0.
    """
    lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
    unit = centroids / np.maximum(lengths, np.finfo(centroids.dtype).tiny)
    similarities = np.sort(unit @ descriptors.T, axis=0)
    difference = float(np.mean(similarities[-1] - similarities[-2])) if len(unit) > 1 else 0.0
    if not (difference > 0 and lengths.min() > 0):
        raise DusklineError(
            f"{len(unit)} clusters of {len(descriptors)} local features cannot be told apart:"
            f" the similarities to the best and the second best differ by {difference:g} on average",
            hint="check whether all images are alike or black; otherwise change the number of clusters",
        )
    alpha = -math.log(_SECOND_SHARE) / difference
    return alpha, alpha * unit
