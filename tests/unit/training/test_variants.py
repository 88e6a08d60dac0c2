from pathlib import Path
from typing import Any

import pytest

from pipeline.core.params import build, read_params
from stages.train_unit import main
from unit.training.settings import TrainSettings

FILE = Path(__file__).parents[3] / "unit" / "variants.yaml"
VARIANTS = read_params(FILE)
# Of the published ones: norm of the discriminators, weight of the perceptual term, crop.
PUBLISHED: dict[str, tuple[str, float, tuple[int, int]]] = {
    "unit_512x288": ("none", 0.0, (288, 512)),
    "unit_512x288_VGG": ("none", 1.0, (288, 512)),
    "unit": ("none", 0.0, (256, 256)),
    "unit_instance": ("instance", 0.0, (256, 256)),
    "unit_layernorm": ("layer", 0.0, (256, 256)),
    "unit_VGG": ("none", 1.0, (256, 256)),
    "unit_VGG_layernorm": ("layer", 1.0, (256, 256)),
    "unit_VGG_batchnorm": ("batch", 1.0, (256, 256)),
    "unit_VGG_instancenorm": ("instance", 1.0, (256, 256)),
    "unit_VGG_layernorm_128px": ("layer", 1.0, (128, 128)),
}


def settings(section: dict[str, Any]) -> TrainSettings:
    own = {key: value for key, value in section.items() if key not in ("day", "night", "vgg")}
    return build(TrainSettings, own, "variant")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_a_section_of_the_stage(name: str) -> None:
    section = VARIANTS[name]
    options = {option.name for option in main.params} - {"name", "quiet", "debug"}
    assert section.keys() == options
    assert (section["vgg"] == "none") == (settings(section).vgg_w == 0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_variants(name: str) -> None:
    found = settings(VARIANTS[name])
    crop = (found.crop_height, found.crop_width)
    assert (found.dis_norm, found.vgg_w, crop) == PUBLISHED[name]
    assert (found.dim, found.dis_dim, found.batch, found.lr, found.iterations) == (64, 64, 1, 1e-4, 1_000_000)
    assert (found.tied_iterations, found.ema_decay) == (0, 0.0)
