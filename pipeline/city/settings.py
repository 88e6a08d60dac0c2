"""The sizes of the embedded city's raw datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.runtime.ranges import Range, require_ranges

# The yaw steps of the published panoramas: twelve, 30 degrees apart.
YAW_STEPS = 12

_Side = Annotated[int, Range("pixels", least=16, most=4096)]
_Places = Annotated[int, Range(least=1, most=999_999)]


@dataclass(frozen=True)
class CitySettings:
    """Sizes of the three raw sets that are drawn from one seed.

    seed: random seed of everything: streets, facades, camera positions, noise.
    width: width of the images.
    height: height of the images.
    train_places: database panoramas in the train split of the Pittsburgh form.
    val_places: database panoramas in the val split of the Pittsburgh form.
    test_places: database panoramas in the test split of the Pittsburgh form.
    tokyo_places: database panoramas of the Tokyo form.
    tokyo_queries: queries of the Tokyo form for each of day, sunset and night.
    xs_places: database panoramas of the xs form.
    xs_queries: queries of the xs form.
    yaws: views around a panorama; must divide its twelve steps: 1, 2, 3, 4, 6 or 12.
    pitches: rows of views of a Pittsburgh panorama: 1, or 2 with a second row that looks up at the facades.
    query_share: query panoramas for each database panorama of the Pittsburgh form.
    spacing: distance between database panoramas along a street (queries lie within 25 m of one).
    """

    seed: Annotated[int, Range(least=0, most=2**31 - 1)]
    width: _Side
    height: _Side
    train_places: _Places
    val_places: _Places
    test_places: _Places
    tokyo_places: _Places
    # The numbers of the Tokyo queries have five digits, three for each.
    tokyo_queries: Annotated[int, Range(least=1, most=33_333)]
    xs_places: _Places
    xs_queries: Annotated[int, Range(least=1, most=99_999)]
    yaws: Annotated[int, Range(least=1, most=YAW_STEPS)]
    pitches: Annotated[int, Range(least=1, most=2)]
    query_share: Annotated[float, Range(above=0, most=4)]
    spacing: Annotated[float, Range("metres", least=4, most=25)]

    def __post_init__(self) -> None:
        require_ranges(self)
        if YAW_STEPS % self.yaws:
            raise ValueError(f"yaws must divide the {YAW_STEPS} steps of a panorama, not {self.yaws}")

    @property
    def field_of_view(self) -> float:
        """Horizontal, degrees: neighbouring views overlap, as far as a perspective view can be that wide."""
        return min(90.0, max(60.0, 400.0 / self.yaws))

    @property
    def yaw_numbers(self) -> tuple[int, ...]:
        """Numbers of the drawn views among the twelve steps, from 1 on, evenly spread."""
        return tuple(range(1, YAW_STEPS + 1, YAW_STEPS // self.yaws))
