"""A model that is given as a file, such as one trained by somebody else: checked, and put into its place."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.files import require_file, write_bytes
from pipeline.runtime.errors import CheckpointError
from pipeline.vpr.experiments.experiment import MODEL
from pipeline.vpr.models.descriptor_model import load_model

# What evaluation tells of a model.
_TOLD = ("dataset_digest", "learnt_from")


def take_model(file: Path, out: Path) -> str:
    """Copy the model `file` into the folder `out`, and say in words what it is.

    It is a copy and no link: DVC makes what it keeps read-only, and the file is the user's. Raises
    `MissingInputError` without a file, and errors as `load_model` for one that is damaged or of another kind.
    """
    require_file(file, hint="copy the model.pt there, or correct its path under model_file in params.yaml")
    network, settings, record = load_model(file)
    missing = [name for name in _TOLD if not isinstance(record.get(name), str)]
    if missing:
        raise CheckpointError(
            f"{file} does not say how it was trained: its record has no {', '.join(missing)}",
            hint="use a model.pt written by a training run of this version",
        )
    write_bytes(out / MODEL, file.read_bytes())
    numbers = sum(value.numel() for value in network.state_dict().values())
    return f"{settings.backbone} with {settings.aggregation}, {numbers:,} values, from {file}"
