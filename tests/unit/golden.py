"""The golden numbers of a seeded dim-8 pair, and small stand-ins for training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unit.training.discriminator import Discriminator
from unit.training.settings import DiscriminatorSizes, TrainSettings

DATA = Path(__file__).parents[1] / "data" / "unit"
CHECKPOINT = DATA / "gen_dim8.pt"
LEGACY = DATA / "gen_dim8_legacy03.pt"
DISCRIMINATORS = DATA / "dis_dim8.pt"


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / name) as stored:
        return dict(stored)


def tensors(name: str) -> dict[str, Tensor]:
    return {key: torch.from_numpy(value) for key, value in arrays(name).items() if value.dtype.kind == "f"}


def document(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def discriminators() -> tuple[Discriminator, Discriminator]:
    states = torch.load(DISCRIMINATORS, weights_only=True)
    sizes = DiscriminatorSizes(8, 4, 3, "none")
    pair = (Discriminator(sizes), Discriminator(sizes))
    for network, part in zip(pair, "ab", strict=True):
        network.load_state_dict(states[part])
    return pair


def tiny_settings(**changes: Any) -> TrainSettings:
    """Settings of a net that trains a step in milliseconds."""
    values: dict[str, Any] = {
        "dim": 2,
        "n_downsample": 2,
        "n_res": 1,
        "dis_dim": 2,
        "n_layer": 2,
        "num_scales": 2,
        "dis_norm": "none",
        "dis_augment": False,
        "lr": 1e-3,
        "beta1": 0.5,
        "beta2": 0.999,
        "weight_decay": 1e-4,
        "step_size": 1000,
        "gamma": 0.5,
        "gan_w": 1.0,
        "recon_x_w": 10.0,
        "recon_kl_w": 0.01,
        "cyc_x_w": 10.0,
        "recon_kl_cyc_w": 0.01,
        "vgg_w": 0.0,
        "edge_w": 0.0,
        "vgg_input": "caffe",
        "shorter_side": 24,
        "zoom": 1.0,
        "crop_height": 16,
        "crop_width": 20,
        "batch": 2,
        "iterations": 6,
        "tied_iterations": 0,
        "seed": 1,
        "ema_decay": 0.0,
        "autocast": "off",
        "checkpointing": False,
        "keep": "last",
        "export": "float32",
        "save_every": 3,
        "sheet_every": 0,
    }
    return TrainSettings(**(values | changes))


def draw_folders(root: Path, count: int = 5) -> tuple[Path, Path]:
    """Two folders of little images: bright ones with dark bars, dark ones with bright bars."""
    for name, ground, bar in (("day", 200, 60), ("night", 20, 240)):
        (root / name / "inner").mkdir(parents=True)
        for index in range(count):
            rng = np.random.default_rng([index, ground])
            pixels = np.full((24 + 2 * index, 40, 3), ground, np.uint8)
            pixels += rng.integers(0, 16, pixels.shape, dtype=np.uint8)
            left = int(rng.integers(2, 30))
            pixels[4:20, left : left + 6] = (bar, bar, bar // 2)
            folder = root / name / ("inner" if index == 0 else ".")
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return root / "day", root / "night"
