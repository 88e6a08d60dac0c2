"""`duskline repair`: find and repair damaged or missing objects in DVC's cache or on a remote."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import worded_command
from stages.known_names import set_places
from stages.options import completing


@worded_command("repair", "run it again to continue")
@click.argument("outs", nargs=-1, shell_complete=completing(set_places))
@click.option("--remote", "name", default=None, help="The remote to check; the default remote when left out.")
@click.option("--quick", is_flag=True, help="Compare sizes, and read only objects that differ.")
def main(outs: tuple[str, ...], name: str | None, quick: bool) -> None:
    """Find damaged or missing objects in DVC's cache or on the remote, and repair them.

    OUTS are outputs such as data/sets/city_pitts; without any, all outputs are checked. Every object is read
    in both places, which takes as long as pulling them; --quick compares sizes instead.

    A bad object is replaced by the good copy from the other place. Where neither has a good copy, run this in
    a clone that has one, or rerun the stage that is named and then run this again.
    """
    from pipeline.runtime.errors import DusklineError
    from pipeline.sharing.objects import SharedProject
    from pipeline.sharing.repair import repair

    project = SharedProject(Path())
    done = repair(project, project.remote(name), outs, quick=quick)
    click.echo(str(done))
    if not done.is_whole:
        lost = len(done.lost) + len(done.unlisted)
        raise DusklineError(
            f"{lost:,} could not be repaired: no good copy is here or on the remote:\n{done.losses()}",
            hint="run `duskline repair` in a clone that has them, or make them again "
            "(dvc repro --force --single-item STAGE) and then run `duskline repair`",
        )


if __name__ == "__main__":
    main()
