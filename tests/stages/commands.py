"""Every command of duskline, as click has it."""

from __future__ import annotations

import click

from stages.cli import main


def all_commands() -> list[tuple[str, click.Command]]:
    """Words on the command line, and the command that they call."""
    return [("duskline", main), *_below(main, "duskline")]


def _below(group: click.Group, words: str) -> list[tuple[str, click.Command]]:
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{words} {name}"
        found.append((f"{words} {name}", command))
        if isinstance(command, click.Group):
            found += _below(command, f"{words} {name}")
    return found


def all_options() -> list[tuple[str, click.Option]]:
    """Every option of every command, with the words that name it."""
    return [
        (f"{words} {option.opts[0]}", option)
        for words, command in all_commands()
        for option in command.params
        if isinstance(option, click.Option)
    ]
