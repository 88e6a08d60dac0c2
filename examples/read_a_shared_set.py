"""Read a dataset from a shared duskline repository as a PyTorch dataset of images and positions.

    python examples/read_a_shared_set.py ADDRESS data/sets/city_tokyo city_tokyo_of_others

ADDRESS is a git repository whose data was pushed to a remote that you can read (`duskline share`). Only this
dataset is downloaded; `dvc import` does the same and records the origin. You need no project of your own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from dvc.api import DVCFileSystem
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_image

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms


class Positioned(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images (3, H, W) uint8 with their UTM positions (east, north) in metres, from files or shards."""

    def __init__(self, images: ImageSet, split: str, role: str) -> None:
        self.images, self.rows = images, images.where(split, role)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        row = self.rows[index]
        data = torch.frombuffer(bytearray(self.images.read(row)), dtype=torch.uint8)
        position = torch.tensor([row.east, row.north], dtype=torch.float64)
        return decode_image(data, ImageReadMode.RGB), position


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("address")
    parser.add_argument("set", help="its path in the repository, such as data/sets/city_tokyo")
    parser.add_argument("out", metavar="OUT", type=Path)
    given = parser.parse_args()

    DVCFileSystem(given.address).get(given.set, str(given.out), recursive=True)
    images = ImageSet.open(given.out)
    for terms in read_terms(given.out):
        print(f"{terms.title}; licence: {terms.licence}")
    for place in images.counts():
        loader = DataLoader(Positioned(images, *place.split("/")), batch_size=None, num_workers=2)
        positions = torch.stack([position for _, position in loader])
        west, south = positions.amin(0).tolist()
        print(f"{place}: {len(positions):,} images, from {west:.2f} east, {south:.2f} north on")


if __name__ == "__main__":
    main()
