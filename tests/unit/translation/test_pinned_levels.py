"""UNIT's nights are what they were when its revision was last raised: the work store keeps giving them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.translation import pinned_levels
from tests.unit.translation.pinned_levels import changed, levels, pinned
from unit.network import pixels
from unit.translation import detail, inference, translate

RENEW = "python -m tests.unit.translation.pinned_levels"


def test_levels_are_those_of_the_revision() -> None:
    revision, known = pinned()
    assert revision == translate.REVISION, f"another revision than that of the pinned levels: run {RENEW}"
    assert changed(levels(), known) == [], (
        "levels of nights have changed, and the work store would continue giving those of before:"
        f" raise REVISION in unit/translation/translate.py, then run {RENEW}"
    )


def resized_sharper(image: Image.Image, shorter_side: int) -> Image.Image:
    width, height = image.size
    return image.resize((shorter_side * width // height, shorter_side), Image.Resampling.HAMMING)


to_pixels, std_mean, with_detail = translate.to_pixels, inference._std_mean, translate.with_detail


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [
        (pixels, "resize_shorter", resized_sharper),
        (translate, "to_range", lambda levels: ((levels.float() / 255) ** 1.1 - 0.5) / 0.5),
        # Truncated instead of rounded.
        (translate, "to_pixels", lambda y, stretch, rounding: to_pixels(y, stretch, rounding - 0.5)),
        (translate, "with_detail", lambda *given: with_detail(*given) & 0xFE),
        (detail, "SIGMA", 2.0),
        (inference, "_std_mean", lambda x: (std_mean(x)[0] + 1e-3, std_mean(x)[1])),
    ],
)
def test_another_arithmetic_is_noticed(
    module: Any, name: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, other)
    assert changed(levels(), pinned()[1])


def test_a_pin_is_renewed_only_with_a_revision_that_was_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned_levels, "PINNED", tmp_path / "levels.npz")
    pinned_levels.renew()
    monkeypatch.setattr(detail, "SIGMA", 2.0)
    with pytest.raises(SystemExit, match="first raise REVISION"):
        pinned_levels.renew()
    monkeypatch.setattr(translate, "REVISION", translate.REVISION + 1)
    pinned_levels.renew()
    assert pinned()[0] == translate.REVISION
    assert changed(levels(), pinned()[1]) == []
