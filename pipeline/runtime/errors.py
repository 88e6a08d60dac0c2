"""The one exception family: every message says what was wanted, what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class DusklineError(Exception):
    """A fault that duskline understands; the command ends with `exit_code` and without a traceback.

    `message` says what was wanted and what was found where; `hint` says what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (workers); keyword arguments do not survive the default way.
        return (_rebuild, (type(self), self.message, self.hint))


class UserError(DusklineError):
    """The user's to fix: a parameter, a path, a missing input, a command line."""

    exit_code = 2


class ParameterError(UserError):
    """A parameter is missing, misspelt or out of its range."""


class MissingInputError(UserError):
    """A file or folder that a stage reads is not there."""


class BadImageError(DusklineError):
    """An image cannot be read: truncated, damaged, not an image, or larger than the pixel limit."""


class NoReaderError(BadImageError):
    """An image is of a form whose reader is not installed here."""


class BadArchiveError(DusklineError):
    """An archive or split file cannot be read, or holds a member that must not be extracted."""


class NameFormatError(DusklineError):
    """A file name is not in the common name convention, or values cannot be written in it."""


class SetError(DusklineError):
    """An image set contradicts its manifest or the rules of its making."""


class CheckpointError(UserError):
    """A checkpoint is not one, or does not have the shape of the network."""


class StageRunningError(UserError):
    """Another process runs the same stage in this working tree."""


class InterruptedRunError(DusklineError):
    """The run was ended by Ctrl-C or SIGTERM; `kept` says in words what was finished before."""

    exit_code = 130

    @property
    def kept(self) -> str:
        """What is kept, without the word that the run was interrupted."""
        return self.message.removeprefix("interrupted; ")


def printable(text: str) -> str:
    """The text with the bytes of file names that are no UTF-8 written out, such as `caf\\xe9.jpg`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def listed(items: Iterable[str], shown: int = 20) -> str:
    """Put the first `shown` items on indented lines of their own, and below them a count of the rest."""
    known = list(items)
    more = [f"and {len(known) - shown:,} more"] if len(known) > shown else []
    return "".join(f"\n    {line}" for line in known[:shown] + more)


def _rebuild(kind: type[DusklineError], message: str, hint: str) -> DusklineError:
    return kind(message, hint=hint)
