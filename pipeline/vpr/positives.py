"""Which database images show a query's place, and which of them it may learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.core.errors import SetError
from pipeline.datasets.nearby import within


def together(positions: np.ndarray, radius: float) -> np.ndarray:
    """Whether each two of `positions`, (n, 2) in metres, are at most `radius` apart: (n, n), bool."""
    offsets = positions[:, None] - positions[None]
    return np.asarray(np.hypot(offsets[..., 0], offsets[..., 1]) <= radius)


@dataclass(frozen=True)
class Times:
    """Which images of a place a query may learn from, by their times.

    queries (Q,) and database (D,): whether each is of the night. rule: "any"; "same" time, night or not, as
    the query's; "across", the other; "day", whatever the query's.
    """

    queries: np.ndarray
    database: np.ndarray
    rule: Literal["any", "same", "across", "day"]

    def allowed(self, query: int, found: np.ndarray) -> np.ndarray:
        """Those of the database indexes `found` that `query` may learn from, in their order."""
        if self.rule == "any":
            return found
        night = self.database[found]
        if self.rule == "day":
            return found[~night]
        return found[(night == self.queries[query]) == (self.rule == "same")]

    @property
    def in_words(self) -> str:
        """The rule as the end of a sentence on images that were not found; empty where all are allowed."""
        return {
            "any": "",
            "same": " of its own time, night or not",
            "across": " of the other time, night or not",
            "day": " that is not of the night",
        }[self.rule]


class Places:
    """Positives of the queries of a training split.

    kept: (K,) indexes of the queries that have a hard positive; the others cannot be learnt from.
    hard, soft: for each kept query the sorted database indexes within the hard and the soft radius.
    """

    def __init__(
        self,
        database: np.ndarray,
        queries: np.ndarray,
        hard_radius: float = 10,
        soft_radius: float = 25,
        times: Times | None = None,
    ) -> None:
        """Positions (D, 2) and (Q, 2) in metres; `times` leaves those hard positives that its rule allows.

        `SetError` when no query has a hard positive.
        """
        hard = within(queries, database, hard_radius)
        if times is not None:
            hard = [times.allowed(query, found) for query, found in enumerate(hard)]
        soft = within(queries, database, soft_radius)
        self.kept = np.array([index for index, found in enumerate(hard) if len(found)], dtype=np.int64)
        if not len(self.kept):
            raise SetError(
                f"none of the {len(queries)} queries has a database image within {hard_radius:g} m"
                + ("" if times is None else times.in_words),
                hint="a recogniser learns from such pairs; raise hard_positives or take another set",
            )
        self.hard = [hard[index] for index in self.kept]
        self.soft = [soft[index] for index in self.kept]
        self.database_size = len(database)
