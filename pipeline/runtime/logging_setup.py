"""How much is printed: quiet, normal or debug. Sets up logging, for commands and workers.

quiet: errors and the requested output. normal: also warnings, progress bars and a summary. debug: also which
files are read, what `auto` means here, and the traceback of an error.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Literal, get_args

from pipeline.runtime.errors import printable

Level = Literal["quiet", "normal", "debug"]
LEVELS: tuple[Level, ...] = get_args(Level)
VARIABLE = "DUSKLINE_LEVEL"

_LEAST = {"quiet": logging.ERROR, "normal": logging.INFO, "debug": logging.DEBUG}


class _OnStandardError(logging.Handler):
    """Writes to the current standard error, above a progress bar if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The message; unless its level is INFO, the name of the level comes first."""
        message = printable(super().format(record))
        if record.levelno == logging.INFO:
            return message
        where = f" {record.name}" if record.levelno < logging.INFO else ""
        return f"{record.levelname.lower()}{where}: {message}"

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        # Standard error may be closed already.
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(self.format(record), file=sys.stderr)


_HANDLER = _OnStandardError()
_LOGGERS = [logging.getLogger(package) for package in ("pipeline", "unit", "stages")]


@contextlib.contextmanager
def speaking(level: Level) -> Iterator[None]:
    """Print at `level` within the block; processes started in it do the same, through `DUSKLINE_LEVEL`."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = level
    speak_as_told()
    try:
        with warnings.catch_warnings():
            if level == "quiet":
                warnings.simplefilter("ignore")
            yield
    finally:
        for logger in _LOGGERS:
            logger.removeHandler(_HANDLER)
            logger.setLevel(logging.NOTSET)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def speak_as_told() -> None:
    """Print at the level in the environment, that of the command which started this process."""
    for logger in _LOGGERS:
        logger.addHandler(_HANDLER)
        logger.setLevel(_LEAST.get(os.environ.get(VARIABLE, "normal"), logging.INFO))


def is_quiet() -> bool:
    """Whether only errors and the requested output are printed."""
    return _LOGGERS[0].getEffectiveLevel() >= logging.ERROR
