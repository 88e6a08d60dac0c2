"""`duskline completion`: what lets a shell complete commands, options and the names in params.yaml."""

from __future__ import annotations

from typing import Literal

import click
from click.shell_completion import get_completion_class

from stages.command import worded_command

_PROGRAM = "duskline"
_VARIABLE = "_DUSKLINE_COMPLETE"


@worded_command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def main(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Write to standard output what lets SHELL complete duskline's commands, options and names.

    \b
    bash  eval "$(duskline completion bash)"
    zsh   eval "$(duskline completion zsh)"
    fish  duskline completion fish | source

    Type that after the environment was activated, or write it below the last line of .venv/bin/activate:
    elsewhere there is no duskline. Names are those of the params.yaml in the current folder.
    """
    from stages.cli import main as duskline

    script = get_completion_class(shell)
    assert script is not None  # click has all three
    click.echo(script(duskline, {}, _PROGRAM, _VARIABLE).source())


if __name__ == "__main__":
    main()
