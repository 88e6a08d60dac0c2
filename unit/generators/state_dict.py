"""Check a generator file of others: which network it is, and that it is complete and valid.

A file contains a state dict, alone or among other things, as in gandtr; keys may have the prefixes of
DataParallel and torch.compile. Other kinds of files are named in the error message, if they are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.device.torch_files import no_numbers
from pipeline.runtime.errors import CheckpointError, listed
from unit.generators.layout import (
    RESNET_FIRST,
    UNET_FIRST,
    Layout,
    ResnetLayout,
    UnetLayout,
    resnet_layout,
    unet_layout,
)

State = dict[str, Tensor]

BRING = (
    "use a generator: UNIT's gen_*.pt, CycleGAN's latest_net_G_A.pth or latest_net_G_B.pth, CUT's or"
    " pix2pix's latest_net_G.pth, gandtr's generator_*.pth, or an exported network"
)
_DISCRIMINATOR = "a discriminator, which only training needs; the generator is the file with _G in its name"
# Known files of other kinds: pattern of a key, shape of its weight (None for any), and what the file is.
_OTHERS: tuple[tuple[str, tuple[int | None, ...] | None, str], ...] = (
    (r"mlp_\d+\.0\.weight", None, "CUT's netF, which only its training needs; the generator is *_net_G.pth"),
    (r"encoder\.convs\.1\.0\.weight", None, "CUT's stylegan2 generator, which is not supported"),
    (
        r"enc_content\.model\.0\.conv\.weight",
        None,
        "CUT's resnet_cat or MUNIT's generator, which are not supported",
    ),
    (
        r"enc\.model\.0\.conv\.weight",
        None,
        "only one of UNIT's two generators; its files contain both, as a and b",
    ),
    (
        r"model\.3\.weight",
        (1,),
        "a network with PReLU, as ComboGAN's and ToDayGAN's, which is not supported",
    ),
    (
        r"model\.0\.weight",
        (None, None, 7, 7),
        "a CycleGAN generator from before July 2017, which has other layers",
    ),
    (r"model\.0\.weight", (None, None, 4, 4), _DISCRIMINATOR),
    (r"net\.0\.weight", (None, None, 1, 1), _DISCRIMINATOR),
    (
        r"(?:.*\.)?(?:layer1\.0\.conv1|features\.0(?:\.0)?|blocks\.0\.\w+(?:\.\w+)*|conv_stem|patch_embed\.proj)"
        r"\.weight",
        None,
        "weights of a VPR model or a classifier, which make no images",
    ),
)


def state_of(document: Any, path: Path) -> State:
    """Get the state dict from the contents of a file, its keys without prefixes.

    `CheckpointError` says what the file is instead.
    """
    if isinstance(document, Mapping) and "model_state" in document:
        architecture = _architecture(document)
        if architecture not in ("", "official_resnet_generator"):
            raise _refusal(path, f"a network of the architecture {architecture}, which is not supported")
        document = document["model_state"]
    if not isinstance(document, Mapping):
        raise _refusal(path, f"no state dict (names to tensors), but {type(document).__name__}")
    parts = [name for name, part in document.items() if _is_generators(part)]
    if len(parts) > 1:
        raise CheckpointError(
            f"{path} contains {len(parts)} generators: {', '.join(map(str, parts))}",
            hint="save only the one that you want:"
            f" torch.save(torch.load({path.name!r})[{parts[0]!r}], 'latest_net_G.pth')",
        )
    if parts:
        document = document[parts[0]]
    if {"state", "param_groups"} <= set(document):
        raise _refusal(path, "the state of an optimizer, which only training needs")
    if not document or not all(isinstance(value, Tensor) for value in document.values()):
        found = ", ".join(sorted(map(str, document))[:6]) or "nothing"
        raise _refusal(path, f"no state dict (names to tensors), but a dict with {found}")
    return {_without_prefixes(str(key)): value for key, value in document.items()}


def checked_state(state: State, path: Path) -> tuple[Layout, State]:
    """Read the layout of a generator from its `state`, and check every key, shape and value.

    Returns the weights that are used, in float32. `CheckpointError` says what the file is instead, or names
    everything that is missing, unknown, of another shape or not finite.
    """
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    layout = _layout(shapes, path)
    faults = [*_wrong_keys(shapes, layout), *_wrong_values(state, layout)]
    if faults:
        raise CheckpointError(
            f"{path} is almost {_in_words(layout)}, but:{listed(faults, 8)}",
            hint="the file may be damaged, or come from modified code: get it again, or export the network"
            " (docs/choosing_a_translator.md)",
        )
    unused = layout.unused()
    return layout, {key: value.detach().float() for key, value in state.items() if key not in unused}


def _is_generators(part: Any) -> bool:
    """Whether a part of a file is a generator's state dict, as some scripts save it beside others."""
    first = {RESNET_FIRST, UNET_FIRST}
    return isinstance(part, Mapping) and any(_without_prefixes(str(key)) in first for key in part)


def _architecture(document: Mapping[str, Any]) -> str:
    """The name of the network in gandtr's container, "" if there is none."""
    params = document.get("network_params")
    model = params.get("model") if isinstance(params, Mapping) else None
    return str(model.get("architecture", "")) if isinstance(model, Mapping) else ""


def _without_prefixes(key: str) -> str:
    return re.sub(r"^(?:module\.|_orig_mod\.)+", "", key)


def _layout(shapes: Mapping[str, tuple[int, ...]], path: Path) -> Layout:
    for first, kernel, read in ((RESNET_FIRST, 7, resnet_layout), (UNET_FIRST, 4, unet_layout)):
        shape = shapes.get(first, ())
        if len(shape) == 4 and shape[2:] == (kernel, kernel) and not _is_other(shapes):
            if shape[1] != 3:
                raise _refusal(path, f"a generator for images of {shape[1]} channels (input_nc), not 3")
            return read(shapes)
    what = _is_other(shapes)
    if not what:
        keys = ", ".join(list(shapes)[:4])
        what = f"no known generator; its first keys are {keys}"
    raise _refusal(path, what)


def _is_other(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What a state dict is if it is not a generator's; "" if that is not known."""
    for pattern, wanted, what in _OTHERS:
        for key, shape in shapes.items():
            if re.fullmatch(pattern, key) and (
                wanted is None
                or (
                    len(shape) == len(wanted)
                    and all(number in (None, found) for number, found in zip(wanted, shape, strict=True))
                )
            ):
                return what
    return ""


def _refusal(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{path} is not a supported generator: it contains {what}", hint=BRING)


def _in_words(layout: Layout) -> str:
    norm = {"instance": "instance norm", "batch": "batch norm", "none": "no norm"}[layout.norm]
    if isinstance(layout, UnetLayout):
        return f"a U-Net of width {layout.width}, {layout.halvings} halvings and {norm}"
    assert isinstance(layout, ResnetLayout)
    return f"a ResNet generator of width {layout.width}, {layout.blocks} blocks and {norm}"


def _wrong_keys(shapes: Mapping[str, tuple[int, ...]], layout: Layout) -> Iterator[str]:
    needed, unused = layout.shapes(), layout.unused()
    yield from (f"{key} is missing" for key in needed if key not in shapes)
    yield from (f"{key} is unknown" for key in shapes if key not in needed and key not in unused)
    for key, shape in needed.items():
        if key in shapes and shapes[key] != shape:
            yield f"{key} has the shape {shapes[key]}, expected {shape}"


def _wrong_values(state: State, layout: Layout) -> Iterator[str]:
    filters = layout.filters
    for key in layout.shapes():
        value = state.get(key)
        if value is None:
            continue
        if found := no_numbers(value):
            yield f"{key} must hold floating-point numbers, found {found}"
        elif not torch.isfinite(value).all():
            yield f"{key} has values that are NaN or infinite"
        elif key in filters and not torch.allclose(value.float(), _filter(filters[key][-1]), atol=1e-3):
            yield f"{key} differs from CUT's filter"


def _filter(side: int) -> Tensor:
    taps = torch.tensor([1.0, 2, 1] if side == 3 else [1.0, 3, 3, 1])
    return torch.outer(taps, taps) / 16
