"""Tables of textured parallelograms, and boxes made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Skin = tuple[str | int, ...]
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Quads:
    """`origin`, `along`, `down` (n, 3): top left corner seen from outside, vector to the right, vector down.

    `skins`: the texture of each; `normals` (n, 3) point outwards.
    """

    origin: np.ndarray
    along: np.ndarray
    down: np.ndarray
    skins: list[Skin] = field(repr=False)

    @property
    def normals(self) -> np.ndarray:
        """Unit normals (n, 3), outwards."""
        inward = np.cross(self.along, self.down)
        return -inward / np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)

    @property
    def centres(self) -> np.ndarray:
        """Middle points (n, 3)."""
        return self.origin + self.along / 2 + self.down / 2


class QuadList:
    """Collects parallelograms."""

    def __init__(self) -> None:
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._skins: list[Skin] = []

    def add(self, origin: np.ndarray, along: np.ndarray, down: np.ndarray, skin: Skin) -> None:
        """Add one parallelogram, seen from outside."""
        self._rows.append((origin, along, down))
        self._skins.append(skin)

    def add_both(self, origin: np.ndarray, along: np.ndarray, down: np.ndarray, skin: Skin) -> None:
        """Add a thin sheet that is seen from both sides."""
        self.add(origin, along, down, skin)
        self.add(origin + along, -along, down, skin)

    def add_box(
        self,
        foot: np.ndarray,
        along: np.ndarray,
        back: np.ndarray,
        height: float,
        skins: tuple[Skin, Skin, Skin],
    ) -> None:
        """Add front, sides and underside of a box; `foot` is its lower left corner seen from the front.

        `skins`: of the front, the sides, and the underside.
        """
        top, down = foot + UP * height, -UP * height
        self.add(top, along, down, skins[0])
        self.add(top + back, -back, down, skins[1])
        self.add(top + along, back, down, skins[1])
        self.add(foot, along, back, skins[2])

    def done(self) -> Quads:
        """The collected table."""
        table = np.array(self._rows, np.float64).reshape(-1, 3, 3)
        return Quads(table[:, 0], table[:, 1], table[:, 2], self._skins)


def level(point: np.ndarray, height: float) -> np.ndarray:
    """A plan point (2,) at a height, as (3,)."""
    return np.array([point[0], point[1], height])
