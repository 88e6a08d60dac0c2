"""Which file of a folder a name in a table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from pipeline.core.image_files import letters_of

# Bytes that are not UTF-8, as Python represents them, and the Latin-1 letters that they usually are.
_LATIN_1 = {0xDC00 + byte: chr(byte) for byte in range(0x80, 0x100)}


class ListedNames:
    """The files of a folder, by POSIX paths, to find those that users list.

    A name means the file with exactly that name. Otherwise, without surrounding blanks and with slashes
    instead of backslashes, it means the file with the same letters, which Macs write in another form of
    Unicode and old disks in Latin-1. Case matters.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = set(paths)
        self._by_form: dict[str, list[str]] = defaultdict(list)
        self._by_letters: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            self._by_form[_form(path)].append(path)
            self._by_letters[letters_of(path)].append(path)

    def meant_by(self, name: str) -> str | None:
        """The file that a name means; None if there is none, or several that differ only in Unicode form."""
        for written in _ways(name):
            if written in self._paths:
                return written
        for written in _ways(name):
            found = self._by_form.get(_form(written), [])
            if len(found) == 1:
                return found[0]
        return None

    def alike(self, name: str) -> list[str]:
        """The files whose names have the same letters, in any case and any form of Unicode."""
        found = (self._by_letters.get(letters_of(written), []) for written in _ways(name))
        return next(filter(None, found), [])


def _ways(name: str) -> tuple[str, ...]:
    """The name as written, and other ways to read it."""
    slashed = name.replace("\\", "/")
    return tuple(way.removeprefix("./") for one in (name, slashed) for way in (one, one.strip()))


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name.translate(_LATIN_1))
