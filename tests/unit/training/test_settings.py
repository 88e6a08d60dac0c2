from typing import Any

import pytest

from tests.unit.golden import tiny_settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, not 0"),
        ({"batch": 0}, r"batch must be at least 1 \(images\), not 0"),
        ({"iterations": -1}, r"iterations must be at least 1 \(iterations\), not -1"),
        ({"vgg_w": -1.0}, "vgg_w must be at least 0, not -1"),
        ({"zoom": 0.9}, "zoom must be at least 1, not 0.9"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1, not 1"),
        ({"autocast": "float16"}, "autocast must be one of off, bfloat16, auto"),
        ({"export": "int8"}, "export must be one of float32, float16"),
        ({"crop_height": 18}, "crop_height must be a multiple of 4 and at least 8"),
        ({"crop_width": 4}, "crop_width must be a multiple of 4 and at least 8"),
        ({"n_layer": 4, "num_scales": 3}, "crop_height must be a multiple of 4 and at least 64"),
        ({"shorter_side": 15}, "crops of 16x20 do not fit"),
        ({"dim": 0}, r"dim must be at least 1 \(channels\), not 0"),
        ({"vgg_input": "keras"}, "vgg_input must be one of caffe, torchvision"),
        ({"dis_norm": "spectral"}, "dis_norm must be one of none, batch, instance, layer"),
        (
            {"n_layer": 3, "dis_norm": "instance", "crop_height": 20, "shorter_side": 20},
            "crop_height must be a multiple of 4 and at least 32",
        ),
    ],
)
def test_impossible_values(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_settings(**change)
