"""`duskline share URL`: set up a remote to share the project's data, and show the licence terms."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import click

from stages.command import worded_command
from stages.places import SETS


@worded_command("share", "what was pushed is kept, run it again to continue")
@click.argument("url")
@click.option("--name", default="shared", show_default=True, help="The remote's name in DVC's configuration.")
@click.option("--endpoint", default="", help="Address of an S3 server other than Amazon's.")
@click.option("--local", is_flag=True, help="Keep the address on this machine, out of version control.")
@click.option("--push", is_flag=True, help="Push after the terms are shown.")
@click.option("--yes", is_flag=True, help="Push without asking.")
def main(url: str, name: str, endpoint: str, local: bool, push: bool, yes: bool) -> None:
    """Share this project's datasets, models and results through URL, and show their licence terms.

    URL is a folder that others can reach, such as one on a shared disk, or any address that DVC supports,
    such as s3://bucket/folder. It becomes DVC's default remote, and everything pulled from it is verified.

    Put credentials into the environment or into `dvc remote modify --local`, never into URL.
    """
    from pipeline.runtime.errors import DusklineError, UserError
    from pipeline.sharing.objects import HOW_TO_REACH, SharedProject
    from pipeline.sharing.remote import remote_at, set_up

    root = Path()
    project = SharedProject(root)
    remote = remote_at(url, name, endpoint, root)
    changed = set_up(project, remote, "local" if local else "repo")
    where = ".dvc/config.local" if local else ".dvc/config"
    click.echo(f"The remote {name} is {remote.url}, {'now' if changed else 'already'} set in {where}.")
    _show_terms([Path(project.path_of(out)) for out in project.outs()])
    if not push:
        click.echo("\nTo push: dvc push --run-cache")
    elif not yes and not sys.stdin.isatty():
        raise UserError(
            "no terminal to ask for confirmation, so nothing was pushed", hint="add --yes to push"
        )
    else:
        if not yes:
            click.confirm("\nPush?", abort=True)
        # As a command, so that its progress is shown as usual.
        done = subprocess.run([sys.executable, "-m", "dvc", "push", "--run-cache", "-r", name], check=False)
        if done.returncode:
            raise DusklineError(
                "the push failed",
                hint=f"{HOW_TO_REACH}; what was pushed is kept: run the same command again",
            )
    if changed and not local:
        click.echo(f"Others need {where} and dvc.lock: commit both to git.")


def _show_terms(outs: Collection[Path]) -> None:
    """Show what everyone who can read the remote gets, and its licence terms.

    Folders that an earlier params.yaml made are not among `outs`: they are not pushed.
    """
    from pipeline.datasets.image_set.licence_terms import Terms, read_terms

    known: dict[Terms, list[str]] = {}
    for folder in sorted(out for out in outs if out.parent == SETS):
        for terms in read_terms(folder):
            known.setdefault(terms, []).append(folder.name)
    if known:
        click.echo("\nEveryone who can read it gets:")
    for terms, sets in sorted(known.items()):
        click.echo(f"  {terms.title}; licence: {terms.licence} (in {', '.join(sets)})")
        for line in terms.terms.splitlines():
            click.echo(f"      {line}")


if __name__ == "__main__":
    main()
