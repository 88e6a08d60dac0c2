"""Take over a model given as a file, such as one trained by somebody else: check it and copy it."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.files import require_file, write_bytes
from pipeline.runtime.errors import CheckpointError
from pipeline.vpr.experiments.experiment import MODEL
from pipeline.vpr.models.descriptor_model import load_model

# Parts of the record that an evaluation reports.
_TOLD = ("dataset_digest", "learnt_from")


def take_model(file: Path, out: Path) -> str:
    """Copy the model `file` into the folder `out` and return a description in words.

    It is a copy, not a link: DVC makes its files read-only, and the original belongs to the user.
    `MissingInputError` without a file; errors as `load_model` for a damaged file or another kind of file.
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
