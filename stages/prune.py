"""`duskline prune`: delete the night images in the work store that nothing uses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.runtime.machine import read_machine
from stages.command import worded_command
from stages.places import SETS

if TYPE_CHECKING:
    from pipeline.night.upkeep.prune import Amount, Part

# Unfinished training runs, in the work store under these names.
_STATES = ("train", "adapt", "train_unit")

_WARNING = """\
Nothing uses these nights now, but some may be needed later: those of a run that stopped before its dataset
was complete, and those that `duskline translate` has copied into a folder. If needed, they are made again."""


@worded_command("prune", "run it again to continue")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def main(yes: bool) -> None:
    """Delete the night images in the work store that nothing uses.

    A night image is in use while a dataset or DVC's cache shares its file, and while a night dataset in
    data/sets was made with it. Files that DVC's cache keeps for earlier parameters take no extra space; run
    `dvc gc` to release them, then prune. Night images of a running translation are kept.

    Saved states of training runs are listed but not deleted: an unfinished run resumes from its state, and a
    translator can be trained for more iterations. Delete the folders that you no longer need.
    """
    from pipeline.night.upkeep.prune import Amount, prune, survey
    from pipeline.runtime.errors import UserError
    from pipeline.runtime.process_lock import only_run

    work = read_machine().work
    with only_run(work, "prune"):
        parts = survey(work / "nights", SETS)
        _show(parts, work)
        unused = sum((part.unused for part in parts), Amount())
        if not unused.nights:
            click.echo("Nothing to remove.")
            return
        if not yes:
            click.echo(_WARNING)
            if not sys.stdin.isatty():
                raise UserError(
                    "no terminal to ask for confirmation, so nothing was removed",
                    hint="add --yes to remove them",
                )
            click.confirm(f"Remove {_text(unused)}?", abort=True)
        click.echo(f"Removed {_text(prune(work / 'nights', SETS))}.")


def _show(parts: list[Part], work: Path) -> None:
    for part in parts:
        click.echo(part.title)
        told = f"used {_text(part.used)}; unused {_text(part.unused)}"
        click.echo(f"    {'in use by a running stage, kept' if part.running else told}")
    for name in _STATES:
        for state in sorted((work / name).glob("*/")):
            size = sum(file.stat().st_size for file in state.rglob("*") if file.is_file())
            click.echo(f"{state}\n    state of a training run, {size / 1e6:,.1f} MB, kept")


def _text(amount: Amount) -> str:
    return f"{amount.nights:,} nights ({amount.size / 1e6:,.1f} MB)"


if __name__ == "__main__":
    main()
