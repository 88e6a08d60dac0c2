"""Generator checkpoints in the published format: `{'a': state dict, 'b': state dict}`, a = day, b = night.

Files of any PyTorch since 0.3 are read, always with `weights_only=True`, so no code in them is run.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors, no_numbers
from pipeline.core.files import atomic_write
from pipeline.runtime.errors import CheckpointError
from unit.network.network import Generator, UnitInstanceNorm
from unit.network.settings import GeneratorSizes

_BRING = "use a UNIT generator file (gen_*.pt), or train one: python -m stages.train_unit --help"
_BRING_ANY = (
    "copy a translator's file there (docs/choosing_a_translator.md lists them), or train one:"
    " python -m stages.train_unit --help"
)
_AGAIN = "the file may be damaged, only partly downloaded, or not made by PyTorch: get it again"
_FIRST_CONV = "enc.model.0.conv.weight"

State = dict[str, Tensor]


@dataclass(frozen=True)
class GeneratorPair:
    """The generators of both domains, in float32, of equal sizes."""

    a: Generator
    b: Generator

    @property
    def sizes(self) -> GeneratorSizes:
        """The sizes of each generator."""
        return self.a.sizes


def load_checkpoint(path: Path) -> GeneratorPair:
    """Read a pair of generators; widths and counts are read from the tensors.

    float16 and bfloat16 weights become float32. The running statistics that PyTorch 0.3 saved for instance
    norms are ignored; any other missing or unknown key, or a wrong shape, is a `CheckpointError`.
    """
    return pair_of(read_document(path), path)


def pair_of(document: Any, path: Path) -> GeneratorPair:
    """Build the pair from the contents of the file at `path`; errors as `load_checkpoint`."""
    states = _states(document, path)
    a = _generator(states["a"], "a", path)
    b = _generator(states["b"], "b", path)
    if a.sizes != b.sizes:
        raise CheckpointError(
            f"{path}: generators a and b differ in size ({a.sizes} and {b.sizes})", hint=_BRING
        )
    return GeneratorPair(a, b)


def save_checkpoint(path: Path, a: Generator, b: Generator, dtype: torch.dtype = torch.float32) -> None:
    """Write two generators in the published format, weights as `dtype`; equal weights give equal bytes."""
    document = {name: _plain(generator.state_dict(), dtype) for name, generator in (("a", a), ("b", b))}
    with atomic_write(path) as stream:
        torch.save(document, stream)


def _plain(state: State, dtype: torch.dtype) -> OrderedDict[str, Tensor]:
    return OrderedDict((key, value.detach().to("cpu", dtype).contiguous()) for key, value in state.items())


def read_document(path: Path) -> Any:
    """Read the contents of any weights file; `CheckpointError` when that fails."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint", hint="use a file in it")
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}", hint=_BRING_ANY)
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty", hint=_AGAIN)
    try:
        return load_tensors(path)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is not a checkpoint that is safe to open: it is not a PyTorch file, or contains more"
            f" than tensors, which could run code ({first_line(error)})",
            hint="save only the network's state_dict(), or export it (docs/choosing_a_translator.md)",
        ) from error
    except DAMAGE as error:
        raise CheckpointError(f"{path} cannot be read ({first_line(error)})", hint=_AGAIN) from error


def _states(document: Any, path: Path) -> dict[str, State]:
    if not isinstance(document, dict):
        raise CheckpointError(
            f"{path}: expected a dict with the state dicts a and b, found {type(document).__name__}",
            hint=_BRING,
        )
    if set(document) != {"a", "b"}:
        found = ", ".join(sorted(map(str, document))[:6]) or "nothing"
        optimizer = "; it looks like the optimizers' file" if {"gen", "dis"} == set(document) else ""
        raise CheckpointError(
            f"{path}: expected a dict with the state dicts a and b, found a dict with {found}{optimizer}",
            hint=_BRING,
        )
    for part, state in document.items():
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise CheckpointError(
                f"{path}: {part} is not a state dict (names to tensors), but {type(state).__name__}",
                hint=_BRING,
            )
        if any(str(key).startswith("cnns.") for key in state):
            raise CheckpointError(
                f"{path} contains discriminators, which only training needs",
                hint="use the generator file beside it: gen_*.pt instead of dis_*.pt",
            )
    return document


def _generator(state: State, part: str, path: Path) -> Generator:
    sizes = _sizes(state, part, path)
    with torch.device("meta"):
        generator = Generator(sizes)
    expected = generator.state_dict()
    dropped = _running_statistics(generator)
    state = {key: value for key, value in state.items() if key not in dropped}
    _require_keys(state, expected, part, path)
    for key, wanted in expected.items():
        _require_tensor(state[key], wanted, f"{path}: {part}: {key}")
    generator.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
    return generator.requires_grad_(False).eval()


def _sizes(state: State, part: str, path: Path) -> GeneratorSizes:
    first = state.get(_FIRST_CONV)
    if first is None or first.ndim != 4:
        raise CheckpointError(
            f"{path}: {part} has no convolution {_FIRST_CONV}; its first keys are {_some(list(state))}",
            hint=_BRING,
        )
    convs = sum(
        1 for key in state if key.startswith("enc.model.") and key.count(".") == 4 and key.endswith("weight")
    )
    blocks = {key.split(".")[4] for key in state if key.startswith(f"enc.model.{convs}.model.")}
    if convs < 2 or not blocks:
        raise CheckpointError(
            f"{path}: {part}: expected downsampling convolutions and residual blocks in the encoder, found"
            f" {max(convs - 1, 0)} and {len(blocks)}",
            hint=_BRING,
        )
    return GeneratorSizes(dim=first.shape[0], n_downsample=convs - 1, n_res=len(blocks))


def _running_statistics(generator: Generator) -> set[str]:
    norms = [name for name, module in generator.named_modules() if isinstance(module, UnitInstanceNorm)]
    return {f"{name}.{kind}" for name in norms for kind in ("running_mean", "running_var")}


def _require_keys(state: State, expected: State, part: str, path: Path) -> None:
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    if missing or extra:
        found = [f"missing {_some(missing)}"] if missing else []
        found += [f"unknown {_some(extra)}"] if extra else []
        raise CheckpointError(f"{path}: generator {part}: {'; '.join(found)}", hint=_BRING)


def _require_tensor(value: Tensor, wanted: Tensor, where: str) -> None:
    if value.shape != wanted.shape:
        raise CheckpointError(
            f"{where} has the wrong shape: expected {tuple(wanted.shape)}, found {tuple(value.shape)}",
            hint=_BRING,
        )
    if found := no_numbers(value):
        raise CheckpointError(f"{where} must hold floating-point numbers, found {found}", hint=_BRING)
    if not torch.isfinite(value).all():
        raise CheckpointError(f"{where} has values that are NaN or infinite", hint=_AGAIN)


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:4])
    return f"{shown} and {len(keys) - 4} more" if len(keys) > 4 else shown
