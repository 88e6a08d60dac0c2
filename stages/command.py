"""What every command shares: errors without tracebacks, one run at a time, one summary line at the end."""

from __future__ import annotations

import functools
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

import click

from pipeline.core.errors import DusklineError
from pipeline.core.guard import die_with_parent, only_run
from pipeline.core.machine import read_machine
from pipeline.core.timings import timed


class Failure(click.ClickException):
    """A `DusklineError` on its way to the terminal: its message, its hint, its exit code."""

    def __init__(self, error: DusklineError) -> None:
        super().__init__(str(error))
        self.exit_code: int = error.exit_code  # type: ignore[misc]  # click has it on the class

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to standard error."""
        click.echo(f"error: {self.message}", file=file, err=file is None)


def worded_command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command whose `DusklineError`s are shown in words; `--debug` shows the traceback too."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @click.command(name, help=function.__doc__)
        @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
        @functools.wraps(function)
        def command(*, debug: bool, **options: Any) -> None:
            try:
                function(**options)
            except DusklineError as error:
                if debug:
                    traceback.print_exc(file=sys.stderr)
                raise Failure(error) from error
            except OSError as error:
                if debug:
                    traceback.print_exc(file=sys.stderr)
                where = f"{error.filename}: " if error.filename else ""
                raise Failure(DusklineError(f"{where}{error.strerror or error}")) from error

        return command

    return decorate


def stage_command(stage: str) -> Callable[[Callable[..., str]], click.Command]:
    """Make the command of the DVC stage `stage`, of which `--name` chooses one instance.

    The wrapped function takes `name` and the stage's own options and returns its summary in words.
    Only one process at a time may run an instance, and it ends with its parent, so that an orphan of a
    killed `dvc` never writes beside its successor.
    """

    def decorate(function: Callable[..., str]) -> click.Command:
        @functools.wraps(function)
        def named(*, name: str, **options: Any) -> None:
            _run_alone(f"{stage}@{name}", functools.partial(function, name=name, **options))

        name_option = click.option("--name", required=True, help="Which one: its key in params.yaml.")
        return worded_command(stage)(name_option(named))

    return decorate


def single_stage_command(stage: str) -> Callable[[Callable[..., str]], click.Command]:
    """As `stage_command`, for a stage that has no instances: the wrapped function takes no `name`."""

    def decorate(function: Callable[..., str]) -> click.Command:
        @functools.wraps(function)
        def alone(**options: Any) -> None:
            _run_alone(stage, functools.partial(function, **options))

        return worded_command(stage)(alone)

    return decorate


def _run_alone(what: str, work: Callable[[], str]) -> None:
    die_with_parent()
    start = time.perf_counter()
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ["RANK"] != "0":
        # Of the processes that torchrun starts, the first holds the lock and speaks for all.
        work()
        return
    with only_run(read_machine().work, what), timed(what):
        summary = work()
    click.echo(f"{what}: {summary} in {time.perf_counter() - start:.1f} s")


def parameter(name: str, kind: Any, meaning: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """A required option spelt exactly as in params.yaml (`--shorter_side`); DVC unpacks the section into it.

    There is no default in a second place: a missing or misspelt parameter is refused by click.
    """
    return click.option(f"--{name}", name, type=kind, required=True, help=meaning)
