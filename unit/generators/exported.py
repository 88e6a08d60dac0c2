"""Exported networks: programs of TorchScript and torch.export, which contain their own architecture.

Opening one runs its code, which may do anything on the machine, so the user must allow it. The kind of a file
is read from the names in its archive, without opening the program.
"""

from __future__ import annotations

import itertools
import math
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pipeline.compute.device.torch_files import DAMAGE, first_line
from pipeline.runtime.errors import CheckpointError, DusklineError

Program = Literal["torchscript", "torch.export"]
# The smallest and the largest allowed side.
Limits = tuple[float, float]

ANY_SIDE: Limits = (0, math.inf)

_AGAIN = "the file may be damaged, or made by a newer torch: get it again, or export it with this torch"
# Output values may exceed -1..1 by this much.
_OVERSHOOT = 1.0


def program_in(path: Path) -> Program | None:
    """The kind of program in the file; None for weights and anything else.

    `CheckpointError` for a package that was compiled for one machine.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # Below one folder of any name.
            names = {name.partition("/")[2] for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return None
    if any(name.startswith("data/aotinductor/") for name in names):
        raise CheckpointError(
            f"{path} is an AOTInductor package: machine code for the machine that it was compiled on",
            hint="save the program that it was compiled from with torch.export.save",
        )
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        return "torch.export"
    return "torchscript" if any(name.startswith("code/") for name in names) else None


def require_trusted(path: Path, program: Program, *, trusted: bool) -> None:
    """Raise `CheckpointError` unless the user allows opening the program."""
    if not trusted:
        raise CheckpointError(
            f"{path} is an exported network ({program}): a program, which can run any code on this machine"
            " when it is opened",
            hint="if you made it, or trust whoever did, set trusted: true beside its checkpoint, or use"
            " --trusted",
        )


class Exported(nn.Module):
    """A program that maps (1, 3, H, W) in -1..1 to the same shape; it gets one image at a time.

    numbers: the dtype that it computes in. sides: limits of the height and width that it was exported for.
    """

    def __init__(self, path: Path, program: Program, device: str) -> None:
        super().__init__()
        self.label = str(path)
        self.sides: tuple[Limits, Limits] = (ANY_SIDE, ANY_SIDE)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if program == "torchscript":
                    self.program: Any = torch.jit.load(str(path), map_location=device).eval()
                else:
                    self.program = self._opened(path, device)
        except CheckpointError:
            raise
        except (*DAMAGE, AssertionError) as error:
            raise CheckpointError(
                f"{path} cannot be opened as {program} ({first_line(error)})", hint=_AGAIN
            ) from error
        values = itertools.chain(self.program.parameters(), self.program.buffers())
        self.numbers = next((value.dtype for value in values if value.is_floating_point()), torch.float32)

    def _opened(self, path: Path, device: str) -> Any:
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(torch.export.load(str(path)), device)
        asked = set(program.graph_signature.user_inputs)
        shapes = [
            node.meta["val"].shape if isinstance(node.meta.get("val"), Tensor) else ()
            for node in program.graph.nodes
            if node.op == "placeholder" and node.name in asked
        ]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise _unfit(path, f"has {len(shapes)} inputs of the shapes {_sizes(shapes)}")
        many, channels, height, width = (_limits(size, program.range_constraints) for size in shapes[0])
        if not _within(1, many) or not _within(3, channels):
            raise _unfit(path, f"has an input of the shape {_sizes(shapes)}")
        self.sides = height, width
        return program.module()

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in -1..1 to the same shape, float32; `DusklineError` for any other output."""
        return torch.cat([self._translated(picture) for picture in x.to(self.numbers).split(1)])

    def _translated(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        where = f"an image of {width}x{height} pixels"
        advice = "if both sides must be multiples of a number, set size_multiple to that number"
        try:
            y = self.program(x)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever the program raises
            raise DusklineError(f"{self.label} failed on {where}: {_said(error)}", hint=advice) from error
        if not isinstance(y, Tensor) or y.shape != x.shape:
            picture = isinstance(y, Tensor) and y.shape[:-2] == x.shape[:-2]
            raise DusklineError(
                f"{self.label} returned {_sizes([y.shape]) if isinstance(y, Tensor) else type(y).__name__}"
                f" for {where}, expected {_sizes([x.shape])}",
                hint=advice if picture else "export the network so that it returns only the night image",
            )
        y = y.float()
        low, high = (float(end) for end in torch.aminmax(y))
        # Written so that NaN fails too.
        if not (low >= -1 - _OVERSHOOT and high <= 1 + _OVERSHOOT):
            raise DusklineError(
                f"{self.label} returned values between {low:g} and {high:g} for {where}, expected -1 to 1",
                hint="export the network together with the layer that maps its images to that range",
            )
        return y


def _limits(size: Any, known: Mapping[Any, Any]) -> Limits:
    """The limits of a dimension of the program's input; `known` has those of its free symbols."""
    if isinstance(size, int):
        return size, size
    found = known.get(size.node.expr)
    if found is None:
        return ANY_SIDE
    # 2 means no limit: torch assumes it for every free size, but does not enforce it.
    return (0 if found.lower <= 2 else float(found.lower)), float(found.upper)


def _within(size: int, limits: Limits) -> bool:
    return limits[0] <= size <= limits[1]


def _said(error: Exception) -> str:
    """The message of a program's error; TorchScript gives the place first and the cause last."""
    first = first_line(error)
    return str(error).strip().splitlines()[-1] if "TorchScript interpreter" in first else first


def _unfit(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path} {what}, expected one of (N, 3, H, W)",
        hint="export the network for one image of three channels",
    )


def _sizes(shapes: Sequence[Any]) -> str:
    return ", ".join(f"({', '.join(map(str, shape))})" for shape in shapes) or "none"
