"""What is exported of a model, trained by duskline or of torch.hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from pipeline.runtime.errors import MissingInputError, UserError
from pipeline.vpr.evaluation.model_loading import read_tested
from pipeline.vpr.experiments.adapted_weights import read_adapted
from pipeline.vpr.experiments.asymmetric import names_of
from pipeline.vpr.experiments.experiment import ADAPTED, HUB, MODEL
from pipeline.vpr.experiments.torch_hub import HubModel, load_hub_model, read_hub_model
from pipeline.vpr.export import others_hubconf, own_hubconf
from pipeline.vpr.export.network_parts import libraries, network_parts
from pipeline.vpr.models.backbones import BACKBONES
from pipeline.vpr.models.descriptor_model import NetworkSettings, load_model
from pipeline.vpr.models.timm_backbones import published_size

# A size for networks that accept images of any size.
_SIZE = (224, 224)


@dataclass(frozen=True)
class Exportable:
    """The parts of an exported model.

    network: the original, in eval mode. weights: by their names in the exported network. document: what the
    exported code builds the network from. code: the module that hubconf.py begins with. parameters: of its
    entry, and `handed`, the arguments that it passes on, as Python source. arguments: to load it here. needs:
    packages. size: height and width of images that it accepts. adapted_at: height and width of the images
    that it was adapted on, if it was.
    kind, origin: what it is and how it was trained, in words. whose_code: which code of others it runs and
    where that comes from, in words; "" if none. call: arguments that users must give, as Python source.
    """

    network: nn.Module
    weights: dict[str, Tensor]
    descriptor_size: int
    document: dict[str, Any]
    code: ModuleType
    parameters: str
    handed: str
    arguments: dict[str, Any]
    needs: list[str]
    size: tuple[int, int]
    adapted_at: tuple[int, int] | None
    kind: str
    origin: str
    whose_code: str
    call: str


def exportable(model: Path) -> Exportable:
    """Load the model in the folder `model`; errors as `load_model` and `load_hub_model`.

    `MissingInputError` when there is none, `UserError` when it combines two models.
    """
    if pair := names_of(model):
        raise UserError(
            f"{model} combines two models: {pair.queries} describes queries, and {pair.database} databases",
            hint="export each of the two under its own name",
        )
    if (model / HUB).is_file():
        return _of_others(model)
    if (model / MODEL).is_file():
        return _of_ours(model)
    there = {path.parent.name for file in (MODEL, HUB) for path in model.parent.glob(f"*/{file}")}
    known = f"known are {', '.join(sorted(there))}; " if there else ""
    raise MissingInputError(f"no such model: {model}", hint=f"{known}dvc repro makes those in params.yaml")


def _of_ours(model: Path) -> Exportable:
    network, settings, record = load_model(model / MODEL)
    document = network_parts(settings, network)
    names = own_hubconf._network(document).state_dict()
    tested = read_tested(model)
    return Exportable(
        network=network.eval(),
        # The same modules in the same order, with other names.
        weights=dict(zip(names, network.state_dict().values(), strict=True)),
        descriptor_size=network.descriptor_size,
        document=document,
        code=own_hubconf,
        parameters="",
        handed="",
        arguments={},
        needs=["torch", *libraries(settings)],
        size=_size(settings),
        adapted_at=_adapted_at(record),
        kind=f"{settings.aggregation} of {settings.combination or settings.backbone}",
        origin=f"It was trained on the dataset whose manifest has the SHA-256 `{tested.trained_on}`:"
        f" {tested.learnt_from}.",
        whose_code="",
        call="",
    )


def _adapted_at(record: Mapping[str, Any]) -> tuple[int, int] | None:
    return (record["height"], record["width"]) if "height" in record else None


def _size(settings: NetworkSettings) -> tuple[int, int]:
    # Some networks of timm accept images of one size only.
    sizes = [published_size(name) for name in settings.backbones if name not in BACKBONES]
    return sizes[0] if sizes else _SIZE


def _of_others(model: Path) -> Exportable:
    hub, known = read_hub_model(model / HUB)
    network = load_hub_model(model / HUB)
    at_github = hub.source == "github"
    # Do not publish paths of this machine.
    told = hub if at_github else replace(hub, repository=hub.folder.name)
    record = read_adapted(model / ADAPTED)[1] if (model / ADAPTED).is_file() else {}
    learnt = f"duskline changed it: {record['learnt_from']}" if record else "duskline did not change it"
    return Exportable(
        network=network,
        weights=network.state_dict(),
        descriptor_size=known["descriptor_size"],
        document=_document(told),
        code=others_hubconf,
        parameters=f"repository: str{f' = {hub.repository!r}' if at_github else ''}, **arguments: typing.Any",
        handed="repository, arguments",
        arguments={"repository": str(hub.folder)},
        needs=["torch"],
        size=_SIZE,
        adapted_at=_adapted_at(record),
        kind=told.words,
        origin=f"It is {told.words}; {learnt}.",
        whose_code=_whose(told),
        call="" if at_github else ', repository="path/of/its/code"',
    )


def _document(told: HubModel) -> dict[str, Any]:
    return {
        "source": told.source,
        "repository": told.repository,
        "entry": told.entry,
        "arguments": told.arguments,
        "words": told.words,
    }


def _whose(told: HubModel) -> str:
    if told.source == "github":
        return (
            f"It runs the code of {told.repository}, which torch\ndownloads at the first call; torch may then"
            " ask whether you trust it. To use a copy of that code, give its folder as\n`repository`."
        )
    return (
        f"It runs code from the folder {told.repository},\nwhich is not included: give that folder as"
        " `repository`."
    )
