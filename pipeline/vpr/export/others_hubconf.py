"""A model of others for visual place recognition, with weights from duskline, for `torch.hub`: see README.md.

The file export.json beside this one says which code it needs, and weights.pt contains its weights.
"""

from __future__ import annotations

import json
import pathlib
import typing

import torch


def _load(repository: str, arguments: dict[str, typing.Any]) -> torch.nn.Module:
    folder = pathlib.Path(__file__).resolve().parent
    known = json.loads((folder / "export.json").read_text(encoding="utf-8"))["network"]
    as_known = known["source"] == "github" and repository == known["repository"]
    source = "github" if as_known else "local"
    if source == "local" and not (pathlib.Path(repository) / "hubconf.py").is_file():
        raise FileNotFoundError(
            f"{repository} has no hubconf.py: repository must be the folder with the code of {known['words']}"
        )
    network = torch.hub.load(
        str(repository), known["entry"], source=source, **{**known["arguments"], **arguments}
    )
    weights = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()
