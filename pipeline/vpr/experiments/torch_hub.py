"""Descriptor models of others, loaded by `torch.hub` and checked for changes.

A hub repository is code (its hubconf.py and what that imports), which runs with all permissions of the user;
so nothing is loaded without `trust_repo`.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from pipeline.core.clutter import is_clutter
from pipeline.core.files import digest_document, digest_file, read_json, require_file, write_json
from pipeline.core.params import build
from pipeline.runtime.errors import CheckpointError, DusklineError, MissingInputError, ParameterError
from pipeline.vpr.experiments.adapted_weights import put_adapted
from pipeline.vpr.experiments.experiment import ADAPTED, HUB

_ON_GITHUB = re.compile(r"[\w.-]+/[\w.-]+:[\w./-]+")
# Side of the trial image; a multiple of 14 (patches) and of 32 (strides).
_SIDE = 224


@dataclass(frozen=True)
class HubModel:
    """A model that `torch.hub` loads.

    source: "local" or "github"; set by the stage.
    repository: a folder with a hubconf.py (local), or owner/name:branch on GitHub (github), which torch
        downloads once and keeps in TORCH_HOME (to get a newer version, delete it there).
    entry: the function of hubconf.py to call. The model that it returns takes normalised RGB images (N, 3, H,
        W) and returns descriptors (N, D).
    arguments: keyword arguments of the entry.
    trust_repo: true allows the code of the repository to run on this machine.
    """

    source: Literal["local", "github"]
    repository: str
    entry: str
    arguments: dict[str, Any]
    trust_repo: bool

    def __post_init__(self) -> None:
        if self.source == "github" and not _ON_GITHUB.fullmatch(self.repository):
            raise ValueError(f"repository must be owner/name:branch, not {self.repository!r}")

    @property
    def folder(self) -> Path:
        """The folder of its code on this machine, also before it is downloaded."""
        if self.source == "local":
            return Path(self.repository).resolve()
        # As torch.hub names it.
        return Path(torch.hub.get_dir()) / re.sub("[/:]", "_", self.repository)

    @property
    def words(self) -> str:
        """The model in words."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in sorted(self.arguments.items()))
        return f"{self.entry}({arguments}) of {self.repository}"


def register_hub_model(model: HubModel, out: Path) -> int:
    """Load a model once and write its origin, descriptor length and digests into `out`.

    Returns the length of its descriptors. Errors as `load`, and `CheckpointError` when it computes none.
    """
    network = load(model)
    size = _descriptor_size(network, model)
    document = {**asdict(model), "descriptor_size": size, "weights": _weights_digest(network)}
    write_json(out / HUB, document | {"code": _code_digest(model)})
    return size


def read_hub_model(path: Path) -> tuple[HubModel, dict[str, Any]]:
    """Read what `register_hub_model` wrote to `path`: the model, and its descriptor length and digests."""
    document = read_json(path)
    try:
        known = {name: document.pop(name) for name in ("descriptor_size", "weights", "code")}
    except (KeyError, TypeError, AttributeError) as error:
        raise DusklineError(f"{path} does not describe a torch.hub model: {error!r}") from error
    return build(HubModel, document, str(path)), known


def load_hub_model(path: Path) -> nn.Module:
    """Load the model that `register_hub_model` recorded in `path`, with adapted weights beside it, if any.

    `CheckpointError` when its code or its weights have changed since.
    """
    model, known = read_hub_model(path)
    network = load(model)
    for name, found in (("code", _code_digest(model)), ("weights", _weights_digest(network))):
        if found != known[name]:
            raise CheckpointError(
                f"the {name} of {model.words} changed since {path} was written",
                hint=f"if that is intended, run: dvc repro --force hub_{model.source}@<name>",
            )
    if (adapted := path.with_name(ADAPTED)).is_file():
        put_adapted(network, adapted)
    return network


def load(model: HubModel) -> nn.Module:
    """Run the repository's entry and return its network in eval mode.

    `ParameterError` without trust; `MissingInputError` when the repository or its weights do not exist or
    cannot be downloaded; `DusklineError` when its code fails, or has no such entry.
    """
    if not model.trust_repo:
        raise ParameterError(
            f"{model.repository} is code of others, which would run here with all your permissions",
            hint="read it; if you trust it, set trust_repo: true, or give --trust-repo",
        )
    if model.source == "local":
        require_file(model.folder / "hubconf.py", hint="use the folder that contains the hubconf.py")
    with _without_bytecode():
        try:
            network = torch.hub.load(
                model.repository if model.source == "github" else str(model.folder),
                model.entry,
                source=model.source,
                trust_repo=True,
                skip_validation=True,
                verbose=False,
                **model.arguments,
            )
        except FileNotFoundError as error:
            raise MissingInputError(f"{model.words}: no such file: {error.filename or error}") from error
        except OSError as error:
            raise MissingInputError(
                f"{model.words} is not available: {error}",
                hint="connect to the network once (torch keeps repositories and weights in TORCH_HOME)",
            ) from error
        except Exception as error:
            # Code of others may raise anything.
            raise DusklineError(f"{model.words} failed: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise CheckpointError(f"{model.words} returned no network, but a {type(network).__name__}")
    return network.eval()


@contextlib.contextmanager
def _without_bytecode() -> Iterator[None]:
    """Write no __pycache__ into the repository."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _descriptor_size(network: nn.Module, model: HubModel) -> int:
    with torch.inference_mode():
        found = network(torch.zeros(2, 3, _SIDE, _SIDE))
    if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != 2:
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise CheckpointError(
            f"{model.words} returned {shape} for two images; expected descriptors (2, D)",
            hint="use an entry whose network returns one vector for each image",
        )
    return found.shape[1]


def _weights_digest(network: nn.Module) -> str:
    """SHA-256 of all parameters and buffers, by name."""
    digest = hashlib.sha256()
    for name, value in sorted([*network.named_parameters(), *network.named_buffers()], key=itemgetter(0)):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _code_digest(model: HubModel) -> str:
    """Digest of the Python files in the local copy of the repository."""
    found = sorted(path.relative_to(model.folder).as_posix() for path in model.folder.rglob("*.py"))
    names = [name for name in found if not is_clutter(name)]
    return digest_document([[name, digest_file(model.folder / name)] for name in names])
