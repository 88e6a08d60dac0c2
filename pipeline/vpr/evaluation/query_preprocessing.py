"""Preprocessing of queries: the methods of the Deep Visual Geo-localization Benchmark.

Database images are always resized to the input's height and width, whatever their aspect ("hard resize").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from pipeline.core.image_io import read_rgb
from pipeline.vpr.experiments.experiment import Treatment
from pipeline.vpr.inputs.preprocessing import normalised
from pipeline.vpr.inputs.split_images import SplitImages

CROPS = 5
# With these, each query becomes five crops; with the last two, each crop is searched separately.
CROPPED = ("five_crops", "nearest_crop", "majority_voting")
SEARCHED_APART = ("nearest_crop", "majority_voting")


@dataclass(frozen=True)
class PreprocessedQueries:
    """Queries as input of the network; H and W are the height and width of `queries`.

    hard_resize: resized to H x W, whatever their aspect.
    single_query: the shorter side becomes min(H, W) and the aspect stays, so sizes differ and the network
        sees one query at a time.
    central_crop: the aspect stays: resized to the smallest size that covers H x W, then cropped around the
        centre (the benchmark uses nearest pixels; here they are interpolated as everywhere else).
    five_crops: the shorter side becomes s = min(H, W); squares of s x s at the four corners and the centre,
        whose descriptors are averaged.
    nearest_crop, majority_voting: the same five crops, each searched separately; see crop_fusion.py.
    """

    queries: SplitImages
    treatment: Treatment

    def __len__(self) -> int:
        return len(self.queries)

    def read(self, index: int) -> Tensor:
        """One query, normalised: (3, h, w), or its five crops one after the other, (15, s, s)."""
        if self.treatment == "hard_resize":
            return self.queries.read(index)
        data, label = self.queries.file(index)
        view = normalised(read_rgb(data, label=label))
        return preprocess_query(view, (self.queries.height, self.queries.width), self.treatment)


def preprocess_query(view: Tensor, size: tuple[int, int], treatment: Treatment) -> Tensor:
    """Preprocess an image (3, h, w) for an input of `size` (H, W), except by hard_resize; see the class."""
    shorter = min(size)
    if treatment == "single_query":
        return functional.resize(view, [shorter], antialias=True)
    if treatment == "central_crop":
        height, width = view.shape[1:]
        # The larger of the two scales covers both sides; in integers, so that no side is too short.
        if size[0] * width >= size[1] * height:
            covering = [size[0], -(-width * size[0] // height)]
        else:
            covering = [-(-height * size[1] // width), size[1]]
        return functional.center_crop(functional.resize(view, covering, antialias=True), list(size))
    return torch.cat(functional.five_crop(functional.resize(view, [shorter], antialias=True), [shorter]))


class CropDescriptors(nn.Module):
    """A network on five crops of each image: (N, 15, s, s) to the mean of their descriptors, (N, D).

    With `apart` they are not averaged but concatenated: (N, 5 * D).
    """

    def __init__(self, network: nn.Module, *, apart: bool) -> None:
        super().__init__()
        self.network = network
        self.apart = apart

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors of a batch."""
        crops = x.unflatten(1, (CROPS, 3)).flatten(0, 1)
        descriptors = self.network(crops).float().unflatten(0, (-1, CROPS))
        return descriptors.flatten(1) if self.apart else descriptors.mean(1)
