"""Layouts are those of the published code, key by key, at the real width and at any other."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.generators.files import DATA
from tests.unit.generators.plain import LAYOUTS, plain_resnet, plain_unet
from unit.generators.layout import (
    UNET_FIRST,
    Layout,
    ResnetLayout,
    Shape,
    UnetLayout,
    resnet_layout,
    unet_layout,
)

PUBLISHED: dict[str, Any] = json.loads((DATA / "layouts_w64.json").read_text())
INSTANCE, BATCH = {"norm": "instance", "biased": True}, {"norm": "batch", "biased": False}
PLAIN = {"antialias_down": False, "antialias_up": False}
NINE = {"width": 64, "blocks": 9}
KNOWN: dict[str, Layout] = {
    "cyclegan (9 blocks)": ResnetLayout(**NINE, **INSTANCE, **PLAIN, dropout=False),
    "cyclegan (6 blocks)": ResnetLayout(**NINE | {"blocks": 6}, **INSTANCE, **PLAIN, dropout=False),
    "cyclegan with dropout layout (9 blocks)": ResnetLayout(**NINE, **INSTANCE, **PLAIN, dropout=True),
    "pix2pix resnet_9blocks (batch, dropout layout)": ResnetLayout(**NINE, **BATCH, **PLAIN, dropout=True),
    "gandtr hedngan (batch)": ResnetLayout(**NINE, **BATCH, **PLAIN, dropout=False),
    "norm none (6 blocks)": ResnetLayout(
        **NINE | {"blocks": 6}, norm="none", biased=False, **PLAIN, dropout=False
    ),
    "cut, fastcut": ResnetLayout(**NINE, **INSTANCE, antialias_down=True, antialias_up=True, dropout=False),
    "cut --no_antialias": ResnetLayout(
        **NINE, **INSTANCE, antialias_down=False, antialias_up=True, dropout=False
    ),
    "cut --no_antialias_up": ResnetLayout(
        **NINE, **INSTANCE, antialias_down=True, antialias_up=False, dropout=False
    ),
    "pix2pix unet_256 (refused or read)": UnetLayout(width=64, **BATCH, halvings=8),
}


def layout_of(shapes: dict[str, Shape]) -> Layout:
    return unet_layout(shapes) if UNET_FIRST in shapes else resnet_layout(shapes)


def shapes_of(network: torch.nn.Module) -> dict[str, Shape]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def assert_accounted(shapes: dict[str, Shape]) -> Layout:
    layout = layout_of(shapes)
    needed = layout.shapes()
    assert {key: shapes[key] for key in needed} == needed
    assert shapes.keys() - needed.keys() <= layout.unused()
    return layout


@pytest.mark.parametrize("name", KNOWN)
def test_published_layouts_are_read_off_their_shapes(name: str) -> None:
    shapes = {key: tuple(shape) for key, shape in PUBLISHED[name]}
    assert assert_accounted(shapes) == KNOWN[name]


def test_no_published_layout_is_left_out() -> None:
    # With both flags CUT's generator is CycleGAN's.
    assert PUBLISHED.keys() - KNOWN.keys() == {"cut both flags"}


@pytest.mark.parametrize("name", LAYOUTS)
def test_plain_networks_have_just_those_keys(name: str) -> None:
    with torch.device("meta"):
        assert_accounted(shapes_of(LAYOUTS[name]()))


@given(
    width=st.integers(1, 9),
    blocks=st.integers(1, 12),
    norm=st.sampled_from(["instance", "batch", "none"]),
    dropout=st.booleans(),
    down=st.booleans(),
    up=st.booleans(),
)
def test_any_resnet_is_read_as_it_was_built(
    width: int, blocks: int, norm: str, dropout: bool, down: bool, up: bool
) -> None:
    with torch.device("meta"):
        network = plain_resnet(width, blocks, norm, dropout=dropout, antialias_down=down, antialias_up=up)
    layout = assert_accounted(shapes_of(network))
    assert layout == ResnetLayout(width, norm, norm == "instance", blocks, dropout, down, up)  # type: ignore[arg-type]


@given(
    width=st.integers(1, 9), halvings=st.integers(3, 9), norm=st.sampled_from(["instance", "batch", "none"])
)
def test_any_unet_is_read_as_it_was_built(width: int, halvings: int, norm: str) -> None:
    with torch.device("meta"):
        layout = assert_accounted(shapes_of(plain_unet(width, halvings, norm)))
    assert layout == UnetLayout(width, norm, norm == "instance", halvings)  # type: ignore[arg-type]
