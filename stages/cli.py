"""The `duskline` command: the stages, and the commands for people."""

from __future__ import annotations

from importlib import import_module

import click

STAGES = {
    "fetch": "Raw archives of a source: drawn, found where they lie, or downloaded.",
    "format": "The common layout and names, with a manifest.",
    "pictures": "A folder of pictures, listed for a side of a training.",
    "train_unit": "A translator trained on two unpaired sides.",
    "translate": "The synthetic night of a day set.",
    "photometric": "The night of a day set without a network.",
    "merge": "A day set and its night set as one.",
    "apart": "What of a set lies apart from a test set.",
    "select": "The whole database, and the queries of one time of day.",
    "train": "A place recogniser, from the train and val splits of a set.",
    "hub_local": "A descriptor model of others, by torch.hub from a folder.",
    "hub_github": "A descriptor model of others, by torch.hub from GitHub.",
    "experiment": "A model and how it is tested, in one folder.",
    "evaluate": "An experiment on a test set: recall, and what was found.",
    "tables": "All recalls, and ours beside the paper's.",
    "augmentations": "Training queries under each augmentation, side by side.",
    "statistics": "A set in numbers, with a map and its brightness.",
    "sheet": "Samples of a night set: day, our night, true night.",
    "compare": "The same days through every translator at hand, with numbers.",
    "report": "One page with the tables, curves, nights and finds.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that help is instant."""

    def __init__(self, *args: object, lazy: dict[str, tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the journey."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command."""
        if name in self._lazy:
            command: click.Command = import_module(self._lazy[name][0]).main
            return command
        return super().get_command(ctx, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands with their one-line meanings, without importing them."""
        rows = [(name, meaning) for name, (_, meaning) in self._lazy.items()]
        rows += [(name, command.get_short_help_str(90)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    lazy={
        "translate": ("stages.translate_folder", "Translate any folder of pictures to night."),
        "city": ("stages.city", "Draw pictures of the embedded city by day and by night."),
        "doctor": ("stages.doctor", "Check whether this machine can do what params.yaml asks for."),
        "plan": ("stages.plan", "List what dvc repro would run, why, and what it will take."),
        "results": ("stages.results", "List what was measured: the recalls of every experiment."),
        "sets": ("stages.sets", "List the sets that params.yaml asks for: what is there, and where."),
        "sources": (
            "stages.sources",
            "List the known data sets and checkpoints; ask if they are alive.",
        ),
        "pin": ("stages.pin", "Write down the digests of the archives at hand."),
        "export": ("stages.export", "Write a set as plain files in the common folder layout."),
        "share": ("stages.share", "Set up a DVC remote, and say what a push costs."),
        "repair": ("stages.repair", "Mend objects that are spoilt or gone on a DVC remote."),
        "prune": ("stages.prune", "Empty the work store of the nights that nothing uses."),
    },
)
@click.version_option(package_name="duskline")
def main() -> None:
    """Build place-recognition data sets, make their nights, and measure what the nights are worth.

    The whole journey runs as `dvc repro`; params.yaml decides what exists.
    """


@main.group(
    "stage", cls=LazyGroup, lazy={name: (f"stages.{name}", meaning) for name, meaning in STAGES.items()}
)
def stage() -> None:
    """Run one stage of the pipeline by hand (what `dvc repro` runs)."""
