"""How much of the embedded city is surveyed, and how."""

from __future__ import annotations

from dataclasses import dataclass

# The yaw steps of the published panoramas: twelve, 30 degrees apart.
YAW_STEPS = 12


@dataclass(frozen=True)
class CitySettings:
    """Sizes of the three raw sets that are drawn from one seed.

    seed: of everything: streets, facades, standpoints, noise.
    width, height: of the pictures, pixels.
    train_places, val_places, test_places: database panoramas of the Pittsburgh form, by split.
    tokyo_places: database panoramas of the Tokyo form.
    tokyo_queries: queries of the Tokyo form for each of day, sunset and night.
    xs_places, xs_queries: database panoramas and queries of the xs form.
    yaws: views round a panorama: 1, 2, 3, 4, 6 or 12.
    pitches: rows of views of a Pittsburgh panorama: 1, or 2 with a row that looks up at the facades.
    query_share: query panoramas for each database panorama of the Pittsburgh form, above 0 and up to 4.
    spacing: metres between database panoramas along a street, 4 to 25 (queries lie within 25 m of one).
    """

    seed: int
    width: int
    height: int
    train_places: int
    val_places: int
    test_places: int
    tokyo_places: int
    tokyo_queries: int
    xs_places: int
    xs_queries: int
    yaws: int
    pitches: int
    query_share: float
    spacing: float

    def __post_init__(self) -> None:
        self._within("seed", self.seed, 0, 2**31 - 1)
        self._within("width", self.width, 16, 4096)
        self._within("height", self.height, 16, 4096)
        for name in ("train", "val", "test", "tokyo", "xs"):
            self._within(f"{name}_places", getattr(self, f"{name}_places"), 1, 999_999)
        # The numbers of the Tokyo queries have five digits, three for each.
        self._within("tokyo_queries", self.tokyo_queries, 1, 33_333)
        self._within("xs_queries", self.xs_queries, 1, 99_999)
        if self.yaws not in (1, 2, 3, 4, 6, 12):
            raise ValueError(f"yaws must divide the {YAW_STEPS} steps of a panorama, not {self.yaws}")
        self._within("pitches", self.pitches, 1, 2)
        if not 0 < self.query_share <= 4:
            raise ValueError(f"query_share must be above 0 and at most 4, not {self.query_share}")
        self._within("spacing", self.spacing, 4, 25)

    @staticmethod
    def _within(name: str, value: float, least: float, most: float) -> None:
        if not least <= value <= most:
            raise ValueError(f"{name} must lie between {least} and {most}, not {value}")

    @property
    def field_of_view(self) -> float:
        """Horizontal, degrees: neighbouring views overlap, as far as a perspective view can be that wide."""
        return min(90.0, max(60.0, 400.0 / self.yaws))

    @property
    def yaw_numbers(self) -> tuple[int, ...]:
        """Numbers of the drawn views among the twelve steps, from 1 on, evenly spread."""
        return tuple(range(1, YAW_STEPS + 1, YAW_STEPS // self.yaws))
