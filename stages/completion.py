"""`duskline completion`: shell completion of commands, options and the names in params.yaml."""

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
    """Print the script with which SHELL completes duskline's commands, options and names.

    \b
    bash  eval "$(duskline completion bash)"
    zsh   eval "$(duskline completion zsh)"
    fish  duskline completion fish | source

    Run the line for your shell after you activate the environment, or append it to .venv/bin/activate:
    duskline exists only in that environment. Names come from the params.yaml in the current folder.
    """
    from stages.cli import main as duskline

    script = get_completion_class(shell)
    assert script is not None  # click has all three
    click.echo(script(duskline, {}, _PROGRAM, _VARIABLE).source())


if __name__ == "__main__":
    main()
