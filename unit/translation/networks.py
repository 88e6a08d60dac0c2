"""Open a checkpoint of any kind as a network for the translator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from pipeline.compute.device.precision import Numeric, resolve
from pipeline.runtime.errors import BadImageError, ParameterError
from unit.generators.exported import ANY_SIDE, Exported, Limits, program_in, require_trusted
from unit.generators.layout import ResnetLayout, UnetLayout
from unit.generators.padding import Padded, rounded_up
from unit.generators.resnet import SMALLEST_SIDE, Resnet
from unit.generators.state_dict import checked_state, state_of
from unit.generators.unet import Unet
from unit.network.checkpoint import pair_of, read_document
from unit.network.settings import UnitSettings
from unit.translation.inference import Inference

# Raise it with every change of the arithmetic of generators other than UNIT's; `translate.REVISION` is for
# what all share.
GENERATORS_REVISION = 1

# Measured peak memory in a network, in activations of the size of its first layer. For an exported network it
# is not known; an antialiased ResNet of width 64 in float32 is assumed.
_LIVE_UNIT, _LIVE_RESNET, _LIVE_ANTIALIASED, _LIVE_UNET = 7, 4, 6, 2
_LIVE_EXPORTED = _LIVE_ANTIALIASED * 64 * 4


@dataclass(frozen=True)
class Network:
    """A network with its properties.

    kind: its name in records and on sheets.
    module: images (N, 3, H, W) in -1..1 to (N, 3, H', W') float32 in -1..1.
    live: bytes in memory for each pixel.
    smallest_side, multiple: of the sides that it accepts; smaller images are refused, others are padded.
    takes: limits of the height and width that it accepts, after padding.
    rounding: added to levels before they are truncated.
    revision: added to `translate.REVISION` in records.
    layout: read from the file, for the record.
    compiles: whether torch.compile may be used.
    """

    kind: str
    module: nn.Module
    numeric: Numeric
    live: int
    smallest_side: int = 1
    multiple: int = 1
    rounding: float = 0.0
    revision: str = f", generators {GENERATORS_REVISION}"
    layout: dict[str, Any] = field(default_factory=dict)
    compiles: bool = True
    takes: tuple[Limits, Limits] = (ANY_SIDE, ANY_SIDE)

    def require_sides(self, height: int, width: int) -> None:
        """Raise `BadImageError` for an image of a size that the network does not accept."""
        if min(height, width) < self.smallest_side:
            raise BadImageError(
                f"an image of {width}x{height} pixels is too small for the network, which needs"
                f" at least {self.smallest_side} on each side"
            )
        sides = ("width", width, self.takes[1]), ("height", height, self.takes[0])
        wrong = [
            f"a {name} {_in_words(limits)}"
            for name, side, limits in sides
            if not limits[0] <= rounded_up(side, self.multiple) <= limits[1]
        ]
        if wrong:
            raise BadImageError(
                f"an image of {width}x{height} pixels: the network was exported only for"
                f" {' and '.join(wrong)}; set shorter_side, or export it with dynamic_shapes"
            )


def _in_words(limits: Limits) -> str:
    least, most = limits
    if least == most:
        return f"of {least:.0f}"
    return f"from {least:.0f}" + ("" if math.isinf(most) else f" to {most:.0f}")


def network_of(checkpoint: Path, settings: UnitSettings, device: str) -> Network:
    """Open a checkpoint of any kind and build its network on `device`.

    `CheckpointError` for a file without a translator, or that must not be opened; `ParameterError` for a
    setting that has no effect on it.
    """
    if (program := program_in(checkpoint)) is not None:
        require_trusted(checkpoint, program, trusted=settings.trusted)
        return _exported(Exported(checkpoint, program, device), program, settings, device)
    document = read_document(checkpoint)
    if _is_unit(document):
        return _unit(document, checkpoint, settings, device)
    return _generator(document, checkpoint, settings, device)


def holds_unit(checkpoint: Path) -> bool:
    """Whether a checkpoint is one of UNIT's; `CheckpointError` when it cannot be read."""
    return program_in(checkpoint) is None and _is_unit(read_document(checkpoint))


def _is_unit(document: Any) -> bool:
    # Its training writes generators, discriminators and optimizers.
    return isinstance(document, Mapping) and bool(document) and set(document) <= {"a", "b", "gen", "dis"}


def _unit(document: Any, path: Path, settings: UnitSettings, device: str) -> Network:
    pair = pair_of(document, path)
    _require_no_choice(settings, path, "a UNIT pair", "norm_statistics", "dropout", "size_multiple")
    source, target = (pair.a, pair.b) if settings.direction == "day2night" else (pair.b, pair.a)
    numeric = resolve(settings.dtype, device)
    return Network(
        "unit",
        Inference(source.enc, target.dec, numeric.dtype).to(device),
        numeric,
        live=_LIVE_UNIT * pair.sizes.dim * numeric.dtype.itemsize,
        smallest_side=pair.sizes.smallest_side,
        rounding=0.5,
        revision="",
    )


def _generator(document: Any, path: Path, settings: UnitSettings, device: str) -> Network:
    layout, state = checked_state(state_of(document, path), path)
    norm = "no norm" if layout.norm == "none" else f"{layout.norm} norm"
    kind = "unet" if isinstance(layout, UnetLayout) else "resnet"
    what = f"a {'U-Net' if kind == 'unet' else 'ResNet generator'} with {norm}"
    _require_no_choice(
        settings, path, what, "size_multiple", *(["norm_statistics"] if layout.norm != "batch" else [])
    )
    if isinstance(layout, ResnetLayout) and not layout.dropout:
        _require_no_choice(settings, path, "a generator without dropout", "dropout")
    numeric = resolve(settings.dtype, device)
    choices = {"own_statistics": settings.norm_statistics == "image", "dropout": settings.dropout == "on"}
    width = layout.width * numeric.dtype.itemsize
    common: dict[str, Any] = {"layout": asdict(layout), "compiles": settings.dropout == "off"}
    if isinstance(layout, UnetLayout):
        multiple = 2**layout.halvings
        module: nn.Module = Padded(Unet(state, layout, numeric.dtype, **choices).to(device), multiple)
        return Network(kind, module, numeric, live=_LIVE_UNET * width, multiple=multiple, **common)
    assert isinstance(layout, ResnetLayout)
    antialiased = layout.antialias_down or layout.antialias_up
    live = (_LIVE_ANTIALIASED if antialiased else _LIVE_RESNET) * width
    module = Resnet(state, layout, numeric.dtype, **choices).to(device)
    return Network(kind, module, numeric, live=live, smallest_side=SMALLEST_SIDE, **common)


def _exported(module: Exported, program: str, settings: UnitSettings, device: str) -> Network:
    numbers = str(module.numbers).removeprefix("torch.")
    if settings.dtype not in ("auto", numbers):
        raise ParameterError(
            f"dtype is {settings.dtype}, but {module.label} computes in {numbers}", hint="set dtype to auto"
        )
    _require_no_choice(settings, module.label, "an exported network", "norm_statistics", "dropout")
    multiple = settings.size_multiple
    return Network(
        program,
        Padded(module, multiple) if multiple > 1 else module,
        resolve(numbers, device),
        live=_LIVE_EXPORTED,
        multiple=multiple,
        compiles=False,
        takes=module.sides,
    )


def _require_no_choice(settings: UnitSettings, path: Path | str, what: str, *names: str) -> None:
    """Raise `ParameterError` when one of the settings `names`, which have no effect, is not the default."""
    chosen = settings.record()
    wrong = [f"{name}: {chosen[name]}" for name in names if name in chosen]
    if wrong:
        raise ParameterError(f"{', '.join(wrong)} has no effect on {path}, {what}", hint="remove it")
