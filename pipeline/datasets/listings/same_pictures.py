"""The same image in two copies of a set, whose names differ in the last digit of a position.

The common formatter cut decimals until May 2024 and rounds them since, so that people hold both kinds of
names of one image. What names it besides, such as panorama, tile, date and note, is the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

# Easting, northing, latitude and longitude, by their place behind the first `@`.
_POSITION = (0, 1, 4, 5)
_FIELDS = 15
# What a name of fifteen fields may say besides and does not tell images apart: zone, letter, extension.
_NO_ID = (2, 3, 14)
_NOTHING = ("", "None")


class SamePictures:
    """Names of images, to find the one that another copy's name means; folders before a name count."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    @cached_property
    def _by_id(self) -> dict[str, list[str]]:
        """Names by their ids; made when the first name is not known as it stands, which is seldom."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            if key := _id_of(name):
                found.setdefault(key, []).append(name)
        return found

    def meant_by(self, name: str) -> str | None:
        """The same name, or the only one of the same ids whose position is one unit of its last digit off.

        None when there is none, or more than one. Names of a position and no ids mean only themselves.
        """
        if name in self._names:
            return name
        found = [other for other in self._by_id.get(_id_of(name), ()) if _is_rounding(name, other)]
        return found[0] if len(found) == 1 else None


def _fields(name: str) -> list[str]:
    return name.rpartition("/")[2].split("@")[1:]


def _id_of(name: str) -> str:
    """All that a name says but for its position; "" where that tells no image from others."""
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
