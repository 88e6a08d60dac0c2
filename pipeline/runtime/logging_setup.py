"""How much is said: quiet, normal or debug. The one place that sets up logging, for commands and workers.

quiet: errors, and what was asked for. normal: also warnings, what goes on, progress bars and a summary.
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

Level = Literal["quiet", "normal", "debug"]
LEVELS: tuple[Level, ...] = get_args(Level)
VARIABLE = "DUSKLINE_LEVEL"

_PACKAGES = ("pipeline", "unit", "stages")
_LEAST = {"quiet": logging.ERROR, "normal": logging.INFO, "debug": logging.DEBUG}


class _Lines(logging.Formatter):
    """A message as it is, after the name of its level where that is not the usual one."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        if record.levelno == logging.INFO:
            return message
        where = f" {record.name}" if record.levelno < logging.INFO else ""
        return f"{record.levelname.lower()}{where}: {message}"


class _OnStandardError(logging.Handler):
    """Writes to what standard error is at the time, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        bars = sys.modules.get("tqdm")
        # Nobody may be there to read it any more.
        with contextlib.suppress(OSError, ValueError):
            if bars is None:
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()
            else:
                bars.tqdm.write(text, file=sys.stderr)


@contextlib.contextmanager
def speaking(level: Level) -> Iterator[None]:
    """Speak at `level` within the block; processes that are started in it do so too, by `DUSKLINE_LEVEL`."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = level
    handler, levels = _set_up(level)
    try:
        with warnings.catch_warnings():
            if level == "quiet":
                warnings.simplefilter("ignore")
            yield
    finally:
        for logger, least in levels.items():
            logger.removeHandler(handler)
            logger.setLevel(least)
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def speak_as_told() -> None:
    """Speak, in a worker process, at the level of the command that started it."""
    told = os.environ.get(VARIABLE)
    _set_up(next((level for level in LEVELS if level == told), "normal"))


def is_quiet() -> bool:
    """Whether nothing but errors and what was asked for is to be said."""
    return logging.getLogger(_PACKAGES[0]).getEffectiveLevel() >= logging.ERROR


def _set_up(level: Level) -> tuple[logging.Handler, dict[logging.Logger, int]]:
    """Give our packages' loggers a handler; returns it, and the levels that the loggers had."""
    handler = _OnStandardError()
    handler.setFormatter(_Lines())
    levels = {}
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        levels[logger] = logger.level
        logger.setLevel(_LEAST[level])
        logger.addHandler(handler)
    return handler, levels
