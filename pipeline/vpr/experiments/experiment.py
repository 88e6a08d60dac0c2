"""An experiment: a trained model and the settings of its evaluation, in one folder that can be shared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pipeline.core.files import digest_document, digest_file, link, read_json, write_json
from pipeline.core.params import build
from pipeline.runtime.errors import MissingInputError, ParameterError
from pipeline.runtime.ranges import Metres, Pixels, Range, require_ranges

MODEL = "model.pt"
# Describes a model of torch.hub.
HUB = "hub.json"
# Adapted weights of such a model, if there are any.
ADAPTED = "adapted.pt"
# Subfolder of a model: another model, with files of these names, that describes the database.
DATABASE = "database"
# Beside it: the names of both models.
NAMES = "asymmetric.json"
_SETTINGS = "experiment.json"
Treatment = Literal[
    "hard_resize", "single_query", "central_crop", "five_crops", "nearest_crop", "majority_voting"
]
# How queries are preprocessed, in words.
_QUERIES: dict[Treatment, str] = {
    "hard_resize": "",
    "single_query": "queries resized with their aspect, one at a time; ",
    "central_crop": "queries cut to their centre; ",
    "five_crops": "queries as five crops, descriptors averaged; ",
    "nearest_crop": "queries as five crops, the nearest find of any; ",
    "majority_voting": "queries as five crops, finds by majority voting; ",
}


@dataclass(frozen=True)
class Experiment:
    """How a model is evaluated.

    model: its name in the section train, adapt, asymmetric, model_file, hub_local or hub_github.
    height: height of the network's input.
    width: width of the network's input.
    queries: how queries are brought to that size; see query_preprocessing.py.
    multi_scale: how features of several scales are combined, if at all; see multiscale.py.
    radius: a retrieved image within this distance (inclusive) is correct. The unit is frames, not metres, on
        test sets that are walks or drives (forms traverses, vpr_bench).
    ivfpq_above: a database with more descriptors than this is searched with an IVF-PQ index; null for never;
        see ivfpq.py.
    save_descriptors: true keeps the descriptors with the results.
    autocast: "bfloat16", "off" (float32), or "auto", which is bfloat16 where the hardware supports it. The
        results say which was used.
    cpu_threads: threads of each operation on a CPU; sums are rounded differently with another number.
    """

    model: str
    height: Pixels
    width: Pixels
    queries: Treatment
    multi_scale: Literal["none", "concatenation", "average"]
    radius: Metres
    # Fewer descriptors are too few to train the codes of an index, and exact search of them is fast.
    ivfpq_above: Annotated[int, Range("descriptors", least=10_000)] | None
    save_descriptors: bool
    autocast: Literal["off", "bfloat16", "auto"]
    cpu_threads: Annotated[int, Range("threads", least=1)]

    def __post_init__(self) -> None:
        require_ranges(self)

    def protocol(self, search: str, combination: str | None, unit: str, described: str = "") -> str:
        """The evaluation protocol in words, given how the database is searched and backbones are combined.

        unit: of distances, m or frames. described: which model describes what, in words; "" for one model.
        """
        scales = "" if self.multi_scale == "none" else f"multi-scale by {self.multi_scale}; "
        return (
            f"{f'{described}; ' if described else ''}"
            f"images resized to {self.width}x{self.height}; {_QUERIES[self.queries]}{scales}"
            f"{f'{combination}; ' if combination else ''}{search}; right within {self.radius:g} {unit},"
            " inclusive; queries without a positive count as misses"
        )


def write_experiment(out: Path, experiment: Experiment, model: Path) -> None:
    """Link the model in the folder `model` into the folder `out` and write the settings there.

    `MissingInputError` when there is no model; `ParameterError` for settings that a torch.hub model lacks.
    """
    _link_model(model, out, experiment)
    if (model / DATABASE).is_dir():
        _link_model(model / DATABASE, out / DATABASE, experiment)
        link(model / NAMES, out / NAMES)
    write_json(out / _SETTINGS, asdict(experiment))


def link_files(model: Path, out: Path) -> list[str]:
    """Link the files of the model in the folder `model` into `out`; return their names."""
    found = [name for name in (MODEL, HUB, ADAPTED) if (model / name).is_file()]
    out.mkdir(parents=True, exist_ok=True)
    for name in found:
        link(model / name, out / name)
    return found


def model_digest(model: Path) -> str:
    """SHA-256 of the model in a folder: of its single file, or of all its files."""
    digests = [digest_file(model / name) for name in (MODEL, HUB, ADAPTED) if (model / name).is_file()]
    return digests[0] if len(digests) == 1 else digest_document(digests)


def _link_model(model: Path, out: Path, experiment: Experiment) -> None:
    found = link_files(model, out)
    if not found:
        raise MissingInputError(
            f"no such model: {model / MODEL}",
            hint=f"run: dvc repro experiment@{out.name}, which makes it first",
        )
    if HUB in found and experiment.multi_scale != "none":
        raise ParameterError(
            f"{experiment.model} is a torch.hub model, whose features cannot be combined over several scales",
            hint="set multi_scale: none",
        )


def read_experiment(folder: Path) -> Experiment:
    """Read the settings of the experiment in `folder`."""
    return build(Experiment, read_json(folder / _SETTINGS), str(folder / _SETTINGS))
