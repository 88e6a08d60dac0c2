"""The `duskline` command: the commands for people by what they are for, and the stages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

# Module, and one line of meaning, of each command: under what it is for.
Section = Mapping[str, tuple[str, str]]

COMMANDS: dict[str, Section] = {
    "Data": {
        "sources": ("stages.sources", "Known data sets and checkpoints: terms, what is at hand."),
        "pin": ("stages.pin", "Write down the digests of the archives at hand."),
        "city": ("stages.city", "Draw pictures of the embedded city by day and by night."),
        "sets": ("stages.sets", "The sets that params.yaml asks for: size and place."),
        "export": ("stages.export", "A set as plain files in the common folder layout."),
    },
    "Nights, and sets of both": {
        "translate": ("stages.translate_folder", "Any folder of pictures to night."),
        "adapt": ("stages.adapt_folder", "A model taught to see by night, from two folders."),
    },
    "Results": {
        "results": ("stages.results", "The recalls of every experiment, and the report."),
        "export-model": ("stages.export_model", "A model for others' code, by torch.hub."),
    },
    "Sharing": {
        "share": ("stages.share", "Set up a DVC remote; say under which terms."),
        "repair": ("stages.repair", "Mend what is spoilt or gone on a remote."),
    },
    "Machine": {
        "doctor": ("stages.doctor", "Can this machine do what params.yaml asks for?"),
        "plan": ("stages.plan", "What `dvc repro` would run, why, and what it takes."),
        "prune": ("stages.prune", "Remove stored nights that nothing uses."),
        "stage": ("stages.cli", "Run one stage by hand, as `dvc repro` does."),
        "completion": ("stages.completion", "Let bash, zsh or fish complete commands and names."),
    },
}

STAGES: dict[str, Section] = {
    "Data": {
        "fetch": ("stages.fetch", "Raw archives of a source: drawn, found, or downloaded."),
        "format": ("stages.format", "The common layout and names, with a manifest."),
    },
    "Nights, and sets of both": {
        "pictures": ("stages.pictures", "A folder of pictures, listed for a side of a training."),
        "train_unit": ("stages.train_unit", "A translator trained on two unpaired sides."),
        "translate": ("stages.translate", "The synthetic night of a day set."),
        "photometric": ("stages.photometric", "The night of a day set without a network."),
        "merge": ("stages.merge", "A day set and its night set as one."),
        "apart": ("stages.apart", "What of a set lies apart from a test set."),
        "select": ("stages.select", "The database, and the queries of one time of day."),
    },
    "Recognition": {
        "train": ("stages.train", "A place recogniser, from a set's train and val splits."),
        "adapt": ("stages.adapt", "A place recogniser of any kind taught to see by night."),
        "asymmetric": ("stages.asymmetric", "Two models as one: for queries, and for databases."),
        "model_file": ("stages.model_file", "A model.pt that somebody else has trained."),
        "hub_local": ("stages.hub_local", "A model of others, by torch.hub from a folder."),
        "hub_github": ("stages.hub_github", "A model of others, by torch.hub from GitHub."),
        "experiment": ("stages.experiment", "A model and how it is tested, in one folder."),
        "evaluate": ("stages.evaluate", "An experiment on a test set: recall, what was found."),
    },
    "Results": {
        "tables": ("stages.tables", "All recalls, and ours beside the paper's."),
        "augmentations": ("stages.augmentations", "Training queries under each augmentation."),
        "statistics": ("stages.statistics", "A set in numbers, with a map and its brightness."),
        "sheet": ("stages.sheet", "Samples of a night set: day, our night, true night."),
        "compare": ("stages.compare", "The same days through every translator at hand."),
        "report": ("stages.report", "One page with tables, curves, nights and matches."),
    },
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that help and completion are instant."""

    def __init__(self, *args: object, sections: Mapping[str, Section], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._sections = sections
        self._known = {name: told for section in sections.values() for name, told in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the journey."""
        return list(self._known)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command."""
        if name in self.commands:
            return super().get_command(ctx, name)
        if name in self._known:
            return import_module(self._known[name][0]).main
        return None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, without importing them, and the options on one line."""
        formatter.write("\n")
        widest = max(map(len, self._known))
        for title, section in self._sections.items():
            # Without the empty line of `formatter.section`, so that all is on one screen.
            formatter.write(f"{title}:\n")
            for name, (_, meaning) in section.items():
                formatter.write(f"  {name:<{widest}}  {meaning}\n")
        own = ", ".join(option.opts[0] for option in self.get_params(ctx) if isinstance(option, click.Option))
        formatter.write(f"\nOptions: {own}. After a command: --help, --quiet, --debug.\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands without importing them."""
        found = [
            CompletionItem(name, help=meaning)
            for name, (_, meaning) in self._known.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=LazyGroup, sections=COMMANDS, context_settings={"max_content_width": 80})
@click.version_option(package_name="duskline", message="%(prog)s %(version)s")
def main() -> None:
    """Build place-recognition sets, make their nights, measure what these are worth.

    \b
    First:  dvc repro          run it all on the embedded city, without network
            duskline results   see what the nights were worth
            duskline translate IN OUT --photometric classical   your own pictures
    params.yaml says what there is to make; docs/README.md tells everything else.
    """


@main.group("stage", cls=LazyGroup, sections=STAGES, context_settings={"max_content_width": 80})
def stage() -> None:
    """Run one stage by hand, as `dvc repro` does; see docs/parameters.md."""


if __name__ == "__main__":
    main()
