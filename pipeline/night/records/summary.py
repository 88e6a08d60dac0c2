"""The summary of a run: counts, rate, and a table of the reasons why images have no night."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import DusklineError, ParameterError

_REASONS_SHOWN = 20
# But not numbers in names, such as UTF-8.
_NUMBER = re.compile(r"(?<![A-Z]-)(?<!\d)\d[\d,.]*")


@dataclass(frozen=True)
class Reason:
    """A kind of failure, the number of images with it, and the name of the first.

    text: the reason of that image; the reasons of the others may have other numbers.
    """

    text: str
    count: int
    example: str


@dataclass(frozen=True)
class NightSummary:
    """Counts of one run.

    images: day images. made: nights translated in this run (one for images with the same bytes), in
    `seconds`.
    reasons: the failures, most common first.
    """

    images: int
    made: int
    seconds: float
    reasons: tuple[Reason, ...]

    @property
    def failed(self) -> int:
        """Number of images without a night."""
        return sum(reason.count for reason in self.reasons)

    def __str__(self) -> str:
        rate = f" at {self.made / self.seconds:.1f} images/s" if self.made and self.seconds else ""
        line = f"{self.images - self.failed:,} nights ({self.made:,} newly translated{rate})"
        return f"{line}, {self.failed:,} failed:\n{self.table()}\n" if self.failed else line

    def table(self) -> str:
        """Return a line for each kind of failure."""
        lines = [
            f"  {reason.count:>7,}  {reason.text}  (first: {reason.example})"
            for reason in self.reasons[:_REASONS_SHOWN]
        ]
        if len(self.reasons) > _REASONS_SHOWN:
            lines.append(f"  and {len(self.reasons) - _REASONS_SHOWN} more kinds")
        return "\n".join(lines)

    def require(self, max_failed: float, listing: Path, or_else: str = "") -> None:
        """Raise `DusklineError` with the table of reasons if more than the share `max_failed` failed.

        listing: the file that lists all failed images. or_else: another remedy for the hint, if the caller
        has one.
        """
        if self.failed and self.failed / self.images > max_failed:
            raise DusklineError(
                f"{self.failed:,} of {self.images:,} images have no night, more than the allowed share of "
                f"{max_failed:g}:\n{self.table()}",
                hint=f"fix or remove them (all are listed in {listing}){or_else}; the nights of "
                "the others are kept",
            )


def reasons_of(failures: Sequence[tuple[str, str]]) -> tuple[Reason, ...]:
    """Group (name, reason) pairs by reason, ignoring numbers in it."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, reason in sorted(failures):
        groups.setdefault(_NUMBER.sub("#", reason), []).append((name, reason))
    reasons = [Reason(found[0][1], len(found), found[0][0]) for found in groups.values()]
    return tuple(sorted(reasons, key=lambda reason: (-reason.count, reason.text)))


def check_share(max_failed: float) -> None:
    """Raise `ParameterError` unless `max_failed` is a share between 0 and 1."""
    if not 0 <= max_failed <= 1:
        raise ParameterError(f"max_failed must be between 0 and 1, not {max_failed}")
