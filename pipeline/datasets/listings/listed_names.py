"""Which file of a folder a name in a table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pipeline.core.image_files import letters_of

# Bytes that are no UTF-8, as Python holds them, by what they mostly are.
_LATIN_1 = {0xDC00 + byte: chr(byte) for byte in range(0x80, 0x100)}


class ListedNames:
    """The files of a folder, by POSIX paths, to find those that people list.

    A name means the file of exactly that name; else, with blanks round it left out and with slashes in the
    place of backslashes, that of the same letters, which Macs write in another form of Unicode, and old disks
    in Latin-1. Capitals count.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = set(paths)
        self._by_form: dict[str, list[str]] = defaultdict(list)
        self._by_letters: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            self._by_form[_form(path)].append(path)
            self._by_letters[letters_of(path)].append(path)

    def meant_by(self, name: str) -> str | None:
        """The one file that is meant; None when there is none, or several that only Unicode tells apart."""
        for written in _ways(name):
            if written in self._paths:
                return written
        for written in _ways(name):
            found = self._by_form.get(_form(written), [])
            if len(found) == 1:
                return found[0]
        return None

    def alike(self, name: str) -> list[str]:
        """The files whose names have the same letters, in capitals or not, in any form of Unicode."""
        found = (self._by_letters.get(letters_of(written), []) for written in _ways(name))
        return next(filter(None, found), [])


def _ways(name: str) -> tuple[str, ...]:
    """The name as it is written, and as it may be meant."""
    slashed = name.replace("\\", "/")
    return tuple(way.removeprefix("./") for one in (name, slashed) for way in (one, one.strip()))


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name.translate(_LATIN_1))
