"""The exceptions of duskline: each says what was expected, what was found, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class DusklineError(Exception):
    """An error that duskline understands; the command ends with `exit_code` and without a traceback.

    `message` says what was expected, what was found and where; `hint` says what to do about it.
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
        # Errors are pickled by workers; the default way loses keyword arguments.
        return (_rebuild, (type(self), self.message, self.hint))


class UserError(DusklineError):
    """An error that the user can fix: a parameter, a path, a missing input, a command line."""

    exit_code = 2


class ParameterError(UserError):
    """A parameter is missing, misspelt or out of range."""


class MissingInputError(UserError):
    """A file or folder that a stage reads does not exist."""


class BadImageError(DusklineError):
    """An image cannot be read: truncated, damaged, not an image, or larger than the pixel limit."""


class NoReaderError(BadImageError):
    """An image has a format whose reader is not installed."""


class BadArchiveError(DusklineError):
    """An archive or split file cannot be read, or has a member that must not be extracted."""


class NameFormatError(DusklineError):
    """A file name does not follow the common convention, or values cannot be written in it."""


class SetError(DusklineError):
    """A dataset contradicts its manifest or the rules by which it was made."""


class CheckpointError(UserError):
    """A file is not a checkpoint, or does not fit the network."""


class StageRunningError(UserError):
    """Another process runs the same stage in this working tree."""


class InterruptedRunError(DusklineError):
    """The run was stopped by Ctrl-C or SIGTERM; `kept` says what was finished before."""

    exit_code = 130

    @property
    def kept(self) -> str:
        """What is kept: the message without "interrupted"."""
        return self.message.removeprefix("interrupted; ")


def printable(text: str) -> str:
    """The text with escapes for bytes of file names that are not UTF-8, such as `caf\\xe9.jpg`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def listed(items: Iterable[str], shown: int = 20) -> str:
    """The first `shown` items on indented lines of their own, and below them a count of the rest."""
    known = list(items)
    more = [f"and {len(known) - shown:,} more"] if len(known) > shown else []
    return "".join(f"\n    {line}" for line in known[:shown] + more)


def _rebuild(kind: type[DusklineError], message: str, hint: str) -> DusklineError:
    return kind(message, hint=hint)
