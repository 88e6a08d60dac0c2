"""What all commands share: output levels, error and interrupt messages, one run of a stage at a time."""

from __future__ import annotations

import functools
import logging
import os
import select
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

import click

from pipeline.compute.resources.timings import timed
from pipeline.core.params import PARAMS_FILE, read_params
from pipeline.runtime.errors import DusklineError, InterruptedRunError
from pipeline.runtime.logging_setup import Level, is_quiet, speaking
from pipeline.runtime.machine import read_level, read_machine
from pipeline.runtime.process_lock import die_with_parent, only_run
from pipeline.runtime.signals import ended, interruptible, interrupting_signal
from stages.known_names import instances_of
from stages.options import option

_LOG = logging.getLogger(__name__)

# What to do after an interruption, by what happens to the work.
GOES_ON = "finished work is kept, run it again to continue"
GOES_ON_FROM_STATE = "run it again to continue from the last saved state"
STARTS_AGAIN = "run it again, it starts from the beginning"

# The exit code of a process that SIGPIPE has ended.
_NOBODY_READS = 141


class Failure(click.ClickException):
    """A `DusklineError` on its way to the terminal: its message, its hint, its exit code."""

    def __init__(self, error: DusklineError) -> None:
        super().__init__(str(error))
        self.exit_code: int = error.exit_code  # type: ignore[misc]  # click has it on the class

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to standard error."""
        click.echo(f"error: {self.message}", file=file, err=file is None)


def say(text: str) -> None:
    """Write a summary or a hint to standard output, unless the run is quiet."""
    if not is_quiet():
        click.echo(text)


def worded_command(name: str, interrupted: str = "") -> Callable[[Callable[..., None]], click.Command]:
    """Make a command with error messages, a one-line message for interrupts, and output levels.

    interrupted: what to do after an interruption, such as `GOES_ON`; "" if the command makes nothing.
    """
    return functools.partial(_command, name, lambda _options: f"duskline {name}", interrupted)


def stage_command(
    stage: str, interrupted: str = STARTS_AGAIN, *, single: bool = False
) -> Callable[[Callable[..., str]], click.Command]:
    """Make the command of the DVC stage `stage`; `--name` selects an instance, unless it is `single`.

    The wrapped function takes `name` and the stage's own options and returns its summary in words.
    Only one process at a time may run an instance, and it ends with its parent, so that an orphan of a
    killed `dvc` never runs beside its successor. interrupted: as in `worded_command`.
    """

    def what(options: dict[str, Any]) -> str:
        return stage if single else f"{stage}@{options['name']}"

    def decorate(function: Callable[..., str]) -> click.Command:
        @functools.wraps(function)
        def alone(**options: Any) -> None:
            _run_alone(what(options), functools.partial(function, **options))

        if not single:
            meaning = "Name of the instance: its key in params.yaml."
            alone = option("--name", str, meaning, names=instances_of(stage), required=True)(alone)
        return _command(stage, what, interrupted, alone)

    return decorate


def _command(
    name: str, what: Callable[[dict[str, Any]], str], interrupted: str, function: Callable[..., None]
) -> click.Command:
    @click.command(name, help=function.__doc__)
    @click.option("-q", "--quiet", is_flag=True, help="Print only errors and the requested output.")
    @click.option(
        "--debug", is_flag=True, help="Also print which files are read and what is chosen, and tracebacks."
    )
    @functools.wraps(function)
    def command(*, quiet: bool, debug: bool, **options: Any) -> None:
        if quiet and debug:
            raise click.UsageError("--quiet and --debug exclude each other.")
        asked: Level | None = "quiet" if quiet else "debug" if debug else None
        ending = f"interrupted: {what(options)}{interrupted and '; '}{interrupted}" if _speaks() else ""
        _run_in_words(functools.partial(function, **options), asked, ending)

    return command


def _run_in_words(work: Callable[[], None], asked: Level | None, ending: str) -> None:
    """Do the work of a command; errors become an exit code and a message, without a traceback."""
    level = asked
    try:
        level = asked or read_level()
        with speaking(level), interruptible(ending):
            work()
    except BaseException as error:
        if level == "debug":
            traceback.print_exc(file=sys.stderr)
        seen = _seen(error, ending)
        if seen is error:
            raise
        raise seen from error
    ended(0)


def _seen(error: BaseException, ending: str) -> BaseException:
    """The exception that click shows for an error, with its exit code."""
    if number := interrupting_signal():
        if ending and isinstance(error, InterruptedRunError):
            ending = f"{ending.partition(';')[0]}; {error.kept}, run it again to continue"
        if ending:
            click.echo(ending, err=True)
        ended(128 + number)
        return SystemExit(128 + number)
    if isinstance(error, BrokenPipeError) and (closed := _closed_streams()):
        for stream in closed:
            # Otherwise Python would complain at exit about what it could not write.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        return SystemExit(_NOBODY_READS)
    if isinstance(error, DusklineError):
        return Failure(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Failure(DusklineError(f"{where}{error.strerror or error}"))
    return error


def _closed_streams() -> list[int]:
    """Standard output or standard error, if their reader is gone, as after `| head`."""
    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    return [stream for stream, event in poll.poll(0) if event & select.POLLERR]


def _speaks() -> bool:
    """Whether this process prints for the command: of those that torchrun starts, only the first does."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"


def _run_alone(what: str, work: Callable[[], str]) -> None:
    die_with_parent()
    if PARAMS_FILE.is_file():
        # Also for stages that get everything as options from DVC: report what DVC misreads before work
        # begins.
        read_params()
    start = time.perf_counter()
    if not _speaks():
        # The first process has the lock.
        work()
        return
    machine = read_machine()
    _LOG.debug("%s", machine)
    with only_run(machine.work, what), timed(what):
        summary = work()
    say(f"{what}: {summary} in {time.perf_counter() - start:.1f} s")
