"""Networks of timm, cut at the last features of a stride, and split into stages where they are a sequence.

timm is imported only here, and only for a network of timm, because the import takes a third of a second.
"""

from __future__ import annotations

import difflib
import pickle
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.runtime.errors import MissingInputError, ParameterError

# Vision transformers that accept other image sizes only with an option.
_OF_ANY_SIZE = ("vision_transformer", "deit", "eva")
# Errors of timm when weights are not available: no connection, no such file, damaged, none published.
_NOT_AVAILABLE = (OSError, RuntimeError, ValueError, pickle.UnpicklingError)


@dataclass(frozen=True)
class CutNetwork:
    """A network up to the features that are used.

    stages: its parts by name, in order, each applied to the output of the one before; a single one with the
    name "" if the network is no such sequence. channels: of the features. mean, std: of red, green and blue
    in [0, 1], for the normalisation of its images. network: what timm built with `options`, with the stages
    as parts; channels_last: whether its features are (N, h, w, C).
    """

    stages: list[tuple[str, nn.Module]]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    network: nn.Module
    options: dict[str, Any]
    channels_last: bool


class WholeNetwork(nn.Module):
    """A network of timm that returns a list of features: the last of them, (N, C, h, w)."""

    def __init__(self, network: nn.Module, name: str, channels_last: bool) -> None:
        super().__init__()
        self.network = network
        self.name = name
        self.channels_last = channels_last

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch."""
        try:
            features: Tensor = self.network(x)[-1]
        except AssertionError as error:
            raise ParameterError(
                f"{self.name} of timm does not accept images of {x.shape[3]}x{x.shape[2]} pixels: {error}",
                hint="change height and width (multi-scale testing also uses smaller images), or use a"
                " backbone for images of any size",
            ) from error
        return features.permute(0, 3, 1, 2) if self.channels_last else features


def cut_network(name: str, stride: int | None, *, published: bool) -> CutNetwork:
    """Build timm's network `name` up to its last features of `stride`, in pixels per feature location.

    Its weights are random, from torch's generator, or the `published` ones, which timm downloads once.
    `ParameterError` for a stride at which the network has no features; `MissingInputError` when the weights
    are not available.
    """
    import timm

    options = _options(name)
    with torch.device("meta"):
        seen = timm.create_model(name, features_only=True, **options)
    strides = [entry["reduction"] for entry in seen.feature_info.info]
    if stride not in strides:
        there = ", ".join(map(str, sorted(set(strides))))
        found = "needs a stride" if stride is None else f"has no features of stride {stride}"
        raise ParameterError(
            f"backbone {name} of timm {found}; its strides are {there}",
            hint="set stride to one of these, such as 16: one feature location for 16 x 16 pixels",
        )
    place = len(strides) - 1 - strides[::-1].index(stride)
    options |= {"features_only": True, "out_indices": (place,)}
    try:
        network = timm.create_model(name, pretrained=published, **options)
    except _NOT_AVAILABLE as error:
        if not published:
            raise
        raise MissingInputError(
            f"timm could not get the published weights of {name}: {error}",
            hint="connect to the network once (timm keeps them in HF_HOME and TORCH_HOME), set weights to the"
            " path of a file with them, or set weights: none",
        ) from error
    published_form = timm.get_pretrained_cfg(name)
    cut = network.feature_info.info[place]
    channels_last = str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")
    return CutNetwork(
        _stages(network, name, cut, channels_last),
        cut["num_chs"],
        tuple(published_form.mean),
        tuple(published_form.std),
        network,
        options,
        channels_last,
    )


def is_known(name: str) -> bool:
    """Whether timm has a network of this name."""
    import timm

    return bool(timm.is_model(name))


def near_names(name: str) -> list[str]:
    """At most four similar names of timm networks, the most similar first."""
    import timm

    return difflib.get_close_matches(name, timm.list_models(), 4)


def licence_of(name: str) -> str:
    """The licence of the weights that timm publishes for its network `name`, or ""."""
    import timm

    return timm.get_pretrained_cfg(name).license or ""


def published_size(name: str) -> tuple[int, int]:
    """Height and width of the images that timm's network `name` was published for."""
    import timm

    _, height, width = timm.get_pretrained_cfg(name).input_size
    return height, width


def _options(name: str) -> dict[str, Any]:
    import timm

    module = timm.model_entrypoint(name).__module__.rpartition(".")[2]
    return {"dynamic_img_size": True, "dynamic_img_pad": True} if module in _OF_ANY_SIZE else {}


def _stages(network: Any, name: str, cut: dict[str, Any], channels_last: bool) -> list[tuple[str, nn.Module]]:
    """The stages of a sequence; their names have dots where those of the whole network do."""
    from timm.models._features import FeatureDictNet
    from timm.models.efficientnet import EfficientNetFeatures
    from timm.models.mobilenetv3 import MobileNetV3Features

    blocks = (EfficientNetFeatures, MobileNetV3Features)
    if isinstance(network, blocks) and network.feature_hooks is None:
        before = [(part, module) for part, module in network.named_children() if part != "blocks"]
        some = list(network.blocks)[: cut["stage"]]
        return before + [(f"blocks.{number}", module) for number, module in enumerate(some)]
    if isinstance(network, FeatureDictNet) and not network.concat and not channels_last:
        return [(re.sub(r"_(\d+)$", r".\1", part), module) for part, module in network.items()]
    return [("", WholeNetwork(network, name, channels_last))]
