"""The recalls that the paper prints, Tables I to V."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_PRINTED = Path(__file__).with_name("paper.yaml")
_AGGREGATIONS = {"netvlad": "NetVLAD", "gem": "GeM"}


@dataclass(frozen=True)
class PaperRow:
    """One printed row.

    key: how params.yaml names it: table, row and aggregation, as in `II/dn/netvlad`.
    label, aggregation: in words. recalls: R@1 and R@5 in percent on each of the paper's test sets.
    """

    key: str
    label: str
    aggregation: str
    recalls: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PaperTable:
    """One printed table; `number` is its Roman numeral."""

    number: str
    title: str
    rows: tuple[PaperRow, ...]


def read_paper() -> tuple[PaperTable, ...]:
    """The paper's tables in order, with their rows, NetVLAD before GeM."""
    document = yaml.safe_load(_PRINTED.read_text(encoding="utf-8"))
    return tuple(
        PaperTable(
            number,
            table["title"],
            tuple(
                PaperRow(
                    f"{number}/{key}/{aggregation}",
                    row["label"],
                    words,
                    {
                        name: (first, fifth)
                        for name, (first, fifth) in zip(document["test_sets"], row[aggregation], strict=True)
                    },
                )
                for key, row in table["rows"].items()
                for aggregation, words in _AGGREGATIONS.items()
            ),
        )
        for number, table in document["tables"].items()
    )


def paper_test_sets() -> tuple[str, ...]:
    """The test sets of the paper, in the order of its columns."""
    return tuple(yaml.safe_load(_PRINTED.read_text(encoding="utf-8"))["test_sets"])
