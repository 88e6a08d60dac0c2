"""Where the page's numbers come from: parameters, datasets, models, night images, and failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.datasets.image_set.licence_terms import Terms
from pipeline.night.comparison.comparison_files import Measured
from pipeline.report.sets.set_record import Maker, SetRecord
from pipeline.report.sets.statistics import Statistics
from pipeline.report.tables.results import Results


@dataclass(frozen=True)
class Set:
    """The statistics of a dataset, its origin, and the folder of its figures."""

    name: str
    folder: Path
    statistics: Statistics
    record: SetRecord


@dataclass(frozen=True)
class TrainedModel:
    """A model that was tested. trained_on: digest of the manifest of its training set, or the model's origin.

    dataset: the dataset with that digest, "" if it is not on the page. described: for two models as one,
    which describes what; the other fields are those of the model of the queries.
    """

    name: str
    trained_on: str
    dataset: str
    learnt_from: str
    described: str

    @property
    def of_a_set(self) -> bool:
        """Whether `trained_on` is a digest."""
        return re.fullmatch("[0-9a-f]{64}", self.trained_on) is not None


@dataclass(frozen=True)
class Provenance:
    """What the page shows under "Provenance".

    parameters: name and YAML of each section that is not empty. digests: of the manifests of the datasets
    with statistics and of the test sets. models: the tested models. terms: licence terms, with the names of
    their datasets. makers, refused: by the name of the night dataset. unusable: translators, by the name of
    the comparison. arithmetic: each numeric path, and what was computed with it.
    """

    parameters: tuple[tuple[str, str], ...]
    digests: tuple[tuple[str, str], ...]
    models: tuple[TrainedModel, ...]
    terms: tuple[tuple[Terms, tuple[str, ...]], ...]
    makers: tuple[tuple[str, Maker], ...]
    refused: tuple[tuple[str, SetRecord], ...]
    unusable: tuple[tuple[str, Measured], ...]
    arithmetic: tuple[tuple[str, tuple[str, ...]], ...]


def provenance(
    params: Mapping[str, Any],
    results: Results,
    sets: Sequence[Set],
    compared: Iterable[tuple[str, Sequence[Measured]]],
) -> Provenance:
    """Gather it from the parameters and the records of earlier stages; nothing depends on this machine.

    compared: the rows of each comparison of translators, by its name.
    """
    tested = {found.test_set: found.set_digest for found in results.metrics.values()}
    digests = tested | {one.name: one.record.digest for one in sets}
    makers = [(one.name, maker) for one in sets for maker in one.record.makers]
    arithmetic = [
        (found.numeric_path, f"evaluation of {found.experiment}") for found in results.metrics.values()
    ]
    arithmetic += [(maker.numeric_path, f"nights of {name}") for name, maker in makers]
    return Provenance(
        tuple((str(name), _as_yaml(section)) for name, section in params.items() if section),
        tuple(sorted(digests.items())),
        _models(results, {digest: name for name, digest in sorted(digests.items(), reverse=True)}),
        _grouped((terms, one.name) for one in sets for terms in one.record.terms),
        tuple(makers),
        tuple((one.name, one.record) for one in sets if one.record.failed),
        tuple((name, row) for name, rows in compared for row in rows if row.reason),
        _grouped(arithmetic),
    )


def _as_yaml(section: object) -> str:
    """A section as in params.yaml, without comments and with YAML aliases written out."""
    text = yaml.dump(section, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text.removesuffix("\n").removesuffix("\n...")


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _models(results: Results, sets: Mapping[str, str]) -> tuple[TrainedModel, ...]:
    models = {
        found.model: TrainedModel(
            found.model,
            found.trained_on,
            sets.get(found.trained_on, ""),
            found.learnt_from,
            found.described,
        )
        for found in results.metrics.values()
    }
    return tuple(models.values())


def _grouped(pairs: Iterable[tuple[Any, str]]) -> tuple[tuple[Any, tuple[str, ...]], ...]:
    """Names grouped by what they share, in order of first appearance."""
    groups: dict[Any, dict[str, None]] = {}
    for shared, name in pairs:
        groups.setdefault(shared, {})[name] = None
    return tuple((shared, tuple(names)) for shared, names in groups.items())
