"""`duskline pin`: record the digests of the archives you have, before anything is made from them."""

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
@click.option(
    "--replace", is_flag=True, help="Replace the pinned digests with those of the files you have now."
)
def main(source: str, files: tuple[str, ...], replace: bool) -> None:
    """Record the digests of SOURCE's archives on this machine, or only of FILES, in the tracked list.

    After that, every machine that shares the list refuses other files with these names. Files with a
    published digest are checked against that digest instead.
    """
    from pipeline.datasets.sources.registry import read_source
    from pipeline.datasets.upkeep.pin_checksums import pin_held

    for pin, new in pin_held(
        read_source(source), files, held=read_machine().archives, pinned=PINNED, replace=replace
    ):
        state = "pinned" if new else "is known already"
        click.echo(f"{pin.name:<32} {pin.size:>14,} bytes  {pin.sha256}  {state}")
    say(f"The list is {PINNED}; commit it.")


if __name__ == "__main__":
    main()
