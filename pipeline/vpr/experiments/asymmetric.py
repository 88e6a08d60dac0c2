"""Two models combined: the first describes queries, the second the database, such as an existing index."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.core.params import build
from pipeline.runtime.errors import MissingInputError, UserError
from pipeline.vpr.experiments.experiment import DATABASE, NAMES, link_files


@dataclass(frozen=True)
class Asymmetric:
    """Two models, each by its name in the section train, adapt, model_file, hub_local or hub_github.

    queries: the model that describes queries.
    database: the model that describes the database; its existing descriptors are reused.
    """

    queries: str
    database: str

    @property
    def words(self) -> str:
        """Which model describes what, in words."""
        return f"queries by {self.queries}, database by {self.database}"


def join_models(names: Asymmetric, models: Path, out: Path) -> None:
    """Link the two named models, folders below `models`, into the folder `out`.

    `MissingInputError` for a model that does not exist, `UserError` for one that already combines two.
    """
    for name, folder in ((names.queries, out), (names.database, out / DATABASE)):
        if pair := names_of(models / name):
            raise UserError(
                f"{models / name} already combines two models",
                hint=f"use one of them: {pair.queries}, {pair.database}",
            )
        if not link_files(models / name, folder):
            raise MissingInputError(
                f"no such model: {models / name}", hint="make it first: run dvc repro with its stage"
            )
    write_json(out / NAMES, asdict(names))


def names_of(model: Path) -> Asymmetric | None:
    """The names of the two models in the folder `model`; None for a single model."""
    if not (model / DATABASE).is_dir():
        return None
    return build(Asymmetric, read_json(model / NAMES), str(model / NAMES))
