"""The positions of a database for the map: in decimetres, without overlapping points."""

from __future__ import annotations

import numpy as np

# Cells along the longer side of the map: about the pixels of a phone's or a desktop screen.
_CELLS = 1280
_MOST = 20_000


def drawn_standpoints(places: np.ndarray) -> np.ndarray:
    """One of the places (n, 2), in metres, for each cell of a grid that is as fine as a screen: (m, 2).

    The grid is coarser where more than 20,000 would be left. The order is that of the grid.
    """
    if not len(places):
        return places
    low = places.min(0)
    cells = _CELLS
    while True:
        size = max(float((places.max(0) - low).max()) / cells, 0.1)
        _, first = np.unique(((places - low) // size).astype(np.int64), axis=0, return_index=True)
        if len(first) <= _MOST:
            return np.asarray(places[first])
        cells //= 2


def decimetres(places: np.ndarray, origin: tuple[float, float]) -> list[int]:
    """Places (n, 2) in metres as whole decimetres from `origin`: east, north, east, north, and so on."""
    return [int(value) for value in np.rint(10 * (places - origin)).ravel()]
