"""Which database images show the place of a query, and which are its positives in training."""

from __future__ import annotations

import numpy as np

from pipeline.datasets.image_set.radius_search import within
from pipeline.runtime.errors import SetError


class Places:
    """Positives of the queries of a training split.

    kept: (K,) indexes of the queries with a hard positive; the others are not used.
    hard, soft: for each kept query the sorted database indexes within the hard and the soft radius.
    """

    def __init__(
        self,
        database: np.ndarray,
        queries: np.ndarray,
        hard_radius: float = 10,
        soft_radius: float = 25,
    ) -> None:
        """Positions (D, 2) and (Q, 2) in metres; `SetError` when no query has a hard positive."""
        hard = within(queries, database, hard_radius)
        soft = within(queries, database, soft_radius)
        self.kept = np.array([index for index, found in enumerate(hard) if len(found)], dtype=np.int64)
        if not len(self.kept):
            raise SetError(
                f"none of the {len(queries)} queries has a database image within {hard_radius:g} m",
                hint="training needs such pairs: raise hard_positives, or use another dataset",
            )
        self.hard = [hard[index] for index in self.kept]
        self.soft = [soft[index] for index in self.kept]
        self.database_size = len(database)
