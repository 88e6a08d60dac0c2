"""Stage `model_file`: a model that duskline trained elsewhere, given as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.command import stage_command
from stages.places import RECOGNISERS


@dataclass(frozen=True)
class ModelFileParams:
    """A model that someone else trained.

    file: the model.pt that `train` wrote; it is read in place and copied.
    """

    file: Path


@stage_command("model_file")
def main(name: str) -> str:
    """Check a model file and add it to the models trained here."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.vpr.experiments.model_file import take_model

    params = build(ModelFileParams, section_of(read_params(), "model_file", name), f"model_file.{name}")
    return take_model(params.file, RECOGNISERS / name)


if __name__ == "__main__":
    main()
