"""The same image in two copies of a dataset, with names that differ in the last digit of a position.

The common formatter cut decimals until May 2024 and has rounded them since, so there are two names for the
same image. The other fields, such as panorama, tile, date and note, are the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

# Easting, northing, latitude and longitude, by their index after the first `@`.
_POSITION = (0, 1, 4, 5)
_FIELDS = 15
# Fields that do not distinguish images: zone, letter, extension.
_NO_ID = (2, 3, 14)
_NOTHING = ("", "None")


class SamePictures:
    """Names of images, to find the one that a name of another copy means; folders must be the same."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    @cached_property
    def _by_id(self) -> dict[str, list[str]]:
        """Names by their ids; computed only when a name is not found as it is, which is rare."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            if key := _id_of(name):
                found.setdefault(key, []).append(name)
        return found

    def meant_by(self, name: str) -> str | None:
        """The same name, or the only one with the same ids whose position differs in the last digit by 1.

        None if there is none, or more than one. Names with a position but without ids mean only themselves.
        """
        if name in self._names:
            return name
        found = [other for other in self._by_id.get(_id_of(name), ()) if _is_rounding(name, other)]
        return found[0] if len(found) == 1 else None


def _fields(name: str) -> list[str]:
    return name.rpartition("/")[2].split("@")[1:]


def _id_of(name: str) -> str:
    """All fields of a name except its position; "" if they do not identify an image."""
    folder, _, file_name = name.rpartition("/")
    fields = file_name.split("@")[1:]
    if len(fields) != _FIELDS:
        return ""
    rest = {number: text for number, text in enumerate(fields) if number not in _POSITION}
    if all(text in _NOTHING for number, text in rest.items() if number not in _NO_ID):
        return ""
    return "@".join((folder, *rest.values()))


def _is_rounding(name: str, other: str) -> bool:
    one, two = _fields(name), _fields(other)
    return all(_is_one_unit_off(one[number], two[number]) for number in _POSITION)


def _is_one_unit_off(one: str, other: str) -> bool:
    decimals = len(one.partition(".")[2])
    if one == other:
        return True
    try:
        units = (float(one) - float(other)) * 10**decimals
    except ValueError:
        return False
    return decimals == len(other.partition(".")[2]) and abs(units) < 1.5
