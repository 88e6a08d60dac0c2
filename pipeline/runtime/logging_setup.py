"""How much is said: quiet, normal or debug. The one place that sets up logging, for commands and workers.

quiet: errors, and what was asked for. normal: also warnings, what continues, progress bars and a summary.
debug: also which files are read, what `auto` has become, and the traceback of an error.
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
    """Writes to what standard error is at the time, above a progress bar if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """A message as it is, after the name of its level where that is not the usual one."""
        message = printable(super().format(record))
        if record.levelno == logging.INFO:
            return message
        where = f" {record.name}" if record.levelno < logging.INFO else ""
        return f"{record.levelname.lower()}{where}: {message}"

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        # Nobody may be there to read it any more.
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(self.format(record), file=sys.stderr)


_HANDLER = _OnStandardError()
_LOGGERS = [logging.getLogger(package) for package in ("pipeline", "unit", "stages")]


@contextlib.contextmanager
def speaking(level: Level) -> Iterator[None]:
    """Speak at `level` within the block; processes that are started in it do so too, by `DUSKLINE_LEVEL`."""
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
    """Speak at the level of the environment: that of the command which started this process."""
    for logger in _LOGGERS:
        logger.addHandler(_HANDLER)
        logger.setLevel(_LEAST.get(os.environ.get(VARIABLE, "normal"), logging.INFO))


def is_quiet() -> bool:
    """Whether nothing but errors and what was asked for is to be said."""
    return _LOGGERS[0].getEffectiveLevel() >= logging.ERROR
