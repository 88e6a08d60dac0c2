"""Adapted weights of a torch.hub model, in a file beside the one that names the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors
from pipeline.core.files import atomic_write
from pipeline.runtime.errors import CheckpointError

_FORMAT = "duskline adapted weights 1"
_AGAIN = "get the file again, or adapt the model again"


def write_adapted(path: Path, weights: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write named tensors and `record` (plain values) atomically to one file."""
    kept = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    with atomic_write(path) as stream:
        torch.save({"format": _FORMAT, "record": dict(record), "weights": kept}, stream)


def read_adapted(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the named tensors and the record; `CheckpointError` for a damaged file or another kind of file."""
    try:
        document = load_tensors(path)
    except DAMAGE as error:
        raise CheckpointError(
            f"{path} cannot be read as adapted weights: {first_line(error)}", hint=_AGAIN
        ) from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise CheckpointError(f"{path} has no weights adapted by duskline", hint=_AGAIN)
    return document["weights"], document["record"]


def put_adapted(network: nn.Module, path: Path) -> None:
    """Load the weights of a file into a network; `CheckpointError` when they belong to another network."""
    weights, _ = read_adapted(path)
    own = network.state_dict()
    strange = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if strange:
        raise CheckpointError(
            f"{path} does not fit the network: {len(strange)} of its {len(weights)} weights belong to another"
            f" network, the first is {strange[0]}",
            hint=_AGAIN,
        )
    network.load_state_dict(weights, strict=False)
