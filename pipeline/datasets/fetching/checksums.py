"""Digests pinned on first use, so that a file without a published digest cannot change unnoticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import read_csv, write_csv
from pipeline.runtime.errors import UserError

_HEADER = ("source", "name", "sha256", "size")


@dataclass(frozen=True, slots=True)
class Pin:
    """SHA-256 (64 hex digits) and size in bytes of the file `name` of a source."""

    source: str
    name: str
    sha256: str
    size: int


def read_pins(pinned: Path) -> dict[tuple[str, str], Pin]:
    """Read the list of pins by (source, name); a list that does not exist is empty."""
    if not pinned.is_file():
        return {}
    pins = {}
    for line, row in read_csv(pinned, _HEADER):
        try:
            pin = Pin(row["source"], row["name"], row["sha256"], int(row["size"]))
        except (TypeError, ValueError) as error:
            raise UserError(f"{pinned}:{line}: size must be a whole number, not {row['size']!r}") from error
        if (pin.source, pin.name) in pins:
            raise UserError(f"{pinned}:{line}: {pin.source} {pin.name} is pinned twice")
        pins[pin.source, pin.name] = pin
    return pins


def verify_checksum(pinned: Path, found: Pin, *, published: str = "") -> bool:
    """Compare a file with its `published` digest, or else with the pinned one; without any, pin it.

    Returns whether it was pinned now. Raises `UserError` if the digests differ.
    """
    pins = read_pins(pinned)
    known = pins.get((found.source, found.name))
    expected = published or (known.sha256 if known else "")
    if expected == found.sha256:
        return False
    if expected:
        origin = "its authors published" if published else f"{pinned} has"
        raise UserError(
            f"{found.name} of {found.source} is not the expected file: {origin} SHA-256 {expected}, "
            f"found {found.sha256} ({found.size:,} bytes)",
            hint="get the correct file; this one was changed or damaged"
            if published
            else f"get the file that was used before; to accept the new one, remove its line from {pinned}",
        )
    pins[found.source, found.name] = found
    _write_pins(pinned, pins)
    return True


def remove_pin(pinned: Path, other: Pin) -> None:
    """Remove the pin of the name of `other`, if its digest differs."""
    pins = read_pins(pinned)
    known = pins.get((other.source, other.name))
    if known is not None and known.sha256 != other.sha256:
        del pins[other.source, other.name]
        _write_pins(pinned, pins)


def _write_pins(pinned: Path, pins: Mapping[tuple[str, str], Pin]) -> None:
    rows = [pins[key] for key in sorted(pins)]
    write_csv(pinned, _HEADER, ((pin.source, pin.name, pin.sha256, pin.size) for pin in rows))
