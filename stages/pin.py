"""`duskline pin`: the digests of the archives at hand, written down before anything else is made of them."""

from __future__ import annotations

import click

from pipeline.runtime.machine import read_machine
from stages.command import say, worded_command
from stages.options import completing
from stages.places import PINNED
from stages.sources import source_names


@worded_command("pin")
@click.argument("source", shell_complete=completing(source_names))
@click.argument("files", nargs=-1)
@click.option("--replace", is_flag=True, help="Pin what is at hand now, in place of what was pinned before.")
def main(source: str, files: tuple[str, ...], replace: bool) -> None:
    """Write the digests of SOURCE's archives that are at hand (or of FILES of them) into the tracked list.

    From then on every machine that shares the list refuses other files by these names. Files with a published
    digest are held against that instead.
    """
    from pipeline.datasets.sources.registry import read_source
    from pipeline.datasets.upkeep.pin_checksums import pin_held

    for pin, new in pin_held(
        read_source(source), files, held=read_machine().archives, pinned=PINNED, replace=replace
    ):
        state = "pinned" if new else "is the one that is known"
        click.echo(f"{pin.name:<32} {pin.size:>14,} bytes  {pin.sha256}  {state}")
    say(f"The list is {PINNED}; commit it.")


if __name__ == "__main__":
    main()
