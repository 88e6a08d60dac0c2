"""Export a model as a folder that `torch.hub` loads without duskline, with the same descriptors.

    <folder>/hubconf.py     the code: a copy of own_hubconf.py or others_hubconf.py, and the entry
    <folder>/weights.pt     a state dict
    <folder>/export.json    the parts of the network, or the code of others that builds it
    <folder>/README.md      how to use it, where it comes from
    <folder>/terms.json     the licences, if known

The exported code does not use duskline's, so each export is loaded once and compared with the model.
"""

from __future__ import annotations

import builtins
import filecmp
import inspect
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.core.files import read_json, replaced_folder, write_json, write_text
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.runtime.errors import DusklineError, UserError
from pipeline.vpr.experiments.experiment import ADAPTED, HUB, MODEL, read_experiment
from pipeline.vpr.experiments.torch_hub import HubModel, load
from pipeline.vpr.export.exportable import Exportable, exportable
from pipeline.vpr.export.readme import readme

_FORMAT = "duskline exported model 1"
_DOCUMENT = "export.json"
# On one machine there is usually no difference at all; an export does not fail over rounding.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Exported:
    """The result: the function of hubconf.py to call, and the length of its descriptors."""

    entry: str
    descriptor_size: int


def export_model(model: Path, experiments: Path, out: Path) -> Exported:
    """Export the model in the folder `model` into the folder `out`; an earlier export there is replaced.

    experiments: the folder of the experiments, whose settings say at which image size the model was tested.
    Errors as `exportable`; `UserError` when `out` contains anything else, or is inside the model's folder;
    `DusklineError` when the export computes other descriptors than the model.
    """
    if out.resolve().is_relative_to(model.resolve()):
        raise UserError(f"{out} is inside the model's own folder, {model}", hint="use a folder outside it")
    with replaced_folder(out, _is_export, "an exported model") as folder:
        found = exportable(model)
        entry = _entry_name(model.resolve().name, found)
        sizes = _tested_sizes(model, experiments)
        torch.save(found.weights, folder / "weights.pt")
        write_json(folder / _DOCUMENT, {"format": _FORMAT, "entry": entry, "network": found.document})
        write_text(folder / "hubconf.py", _hubconf(found, entry))
        write_text(folder / "README.md", readme(found, entry, sizes, read_terms(model)))
        write_terms(folder, read_terms(model))
        _require_same(found, folder, entry, sizes[0] if sizes else found.adapted_at or found.size)
    return Exported(entry, found.descriptor_size)


def _is_export(folder: Path) -> bool:
    if not (folder / _DOCUMENT).is_file():
        return False
    document = read_json(folder / _DOCUMENT)
    return isinstance(document, dict) and document.get("format") == _FORMAT


def _entry_name(name: str, found: Exportable) -> str:
    """A function name for the model that hides no other name."""
    entry = re.sub(r"\W", "_", name, flags=re.ASCII)
    taken = {"dependencies", *vars(found.code), *vars(builtins), *keyword.kwlist}
    return f"model_{entry}" if entry in taken or not entry[:1].isalpha() else entry


def _hubconf(found: Exportable, entry: str) -> str:
    packages = ", ".join(f'"{package}"' for package in found.needs)
    return f'''{inspect.getsource(found.code)}

# Names of packages, for torch.hub to look for.
dependencies = [{packages}]


def {entry}({found.parameters}) -> torch.nn.Module:
    """Normalised images (N, 3, H, W) -> descriptors (N, {found.descriptor_size}); see README.md."""
    return _load({found.handed})
'''


def _tested_sizes(model: Path, experiments: Path) -> list[tuple[int, int]]:
    """Height and width of the images in the experiments that use this very model."""
    found = (path.parent for path in experiments.glob("*/experiment.json") if _has(path.parent, model))
    tests = [read_experiment(folder) for folder in sorted(found)]
    return sorted({(test.height, test.width) for test in tests})


def _has(experiment: Path, model: Path) -> bool:
    here = [name for name in (MODEL, HUB, ADAPTED) if (model / name).is_file()]
    same, _, _ = filecmp.cmpfiles(model, experiment, here, shallow=False)
    return same == here and (experiment / ADAPTED).is_file() == (ADAPTED in here)


def _require_same(found: Exportable, folder: Path, entry: str, size: tuple[int, int]) -> None:
    exported = load(HubModel("local", str(folder), entry, found.arguments, trust_repo=True))
    pictures = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted, given = found.network(pictures), exported(pictures)
    difference = (wanted - given).abs().max().item()
    if not difference <= _ROUNDING * wanted.abs().max().item():
        raise DusklineError(
            "the exported model was not written: its descriptors differ from those of the model by up to"
            f" {difference:g}",
            hint="code of others may use random numbers, or values that are not in the weights; if duskline"
            " trained the model, please report this",
        )
