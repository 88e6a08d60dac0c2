"""An experiment: a trained model and how it is tested, together in one folder that can be shared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.errors import MissingInputError
from pipeline.core.files import link, read_json, write_json
from pipeline.core.params import build

MODEL = "model.pt"
_SETTINGS = "experiment.json"


@dataclass(frozen=True)
class Experiment:
    """How a model is tested.

    model: its name. height, width: pixels of the network's input. radius: metres within which (inclusive) a
    found image shows the query's place. autocast: "bfloat16" or "off" (float32). cpu_threads: of each
    operation on a CPU.
    """

    model: str
    height: int
    width: int
    radius: float
    autocast: Literal["off", "bfloat16"]
    cpu_threads: int

    def __post_init__(self) -> None:
        for name in ("height", "width", "radius", "cpu_threads"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")

    @property
    def protocol(self) -> str:
        """In words, how recall is counted."""
        return (
            f"images resized to {self.width}x{self.height}; exact L2 search; right within {self.radius:g} m,"
            " inclusive; queries without a positive count as misses"
        )


def write_experiment(out: Path, experiment: Experiment, model: Path) -> None:
    """Put the file `model` and the settings into the folder `out`."""
    if not model.is_file():
        raise MissingInputError(f"no such model: {model}", hint=f"run: dvc repro train@{experiment.model}")
    out.mkdir(parents=True, exist_ok=True)
    link(model, out / MODEL)
    write_json(out / _SETTINGS, asdict(experiment))


def read_experiment(folder: Path) -> Experiment:
    """Read the settings of the experiment in `folder`."""
    return build(Experiment, read_json(folder / _SETTINGS), str(folder / _SETTINGS))
