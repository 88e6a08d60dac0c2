"""The `duskline` command: commands for users, grouped by purpose, and the pipeline stages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

# Module and one-line help of each command, by section.
Section = Mapping[str, tuple[str, str]]

COMMANDS: dict[str, Section] = {
    "Data": {
        "sources": ("stages.sources", "Known datasets and checkpoints: terms, and what you have."),
        "pin": ("stages.pin", "Record the checksums of the archives you have."),
        "city": ("stages.city", "Render images of the embedded city by day and by night."),
        "sets": ("stages.sets", "The datasets in params.yaml: size and location."),
        "export": ("stages.export", "Write a dataset as plain files in the common layout."),
    },
    "Night images": {
        "translate": ("stages.translate_folder", "Turn any folder of images into night images."),
        "adapt": ("stages.adapt_folder", "Adapt a model to night from two folders."),
    },
    "Results": {
        "results": ("stages.results", "Recall of every experiment, and where the report is."),
        "export-model": ("stages.export_model", "Export a model for other code, through torch.hub."),
    },
    "Sharing": {
        "share": ("stages.share", "Set up a DVC remote and show the licence terms."),
        "repair": ("stages.repair", "Repair damaged or missing objects in the cache or remote."),
    },
    "Machine": {
        "doctor": ("stages.doctor", "Check whether this machine can run params.yaml."),
        "plan": ("stages.plan", "Show what `dvc repro` would run, why, and what it needs."),
        "prune": ("stages.prune", "Delete stored night images that nothing uses."),
        "stage": ("stages.cli", "Run one stage by hand, as `dvc repro` does."),
        "completion": ("stages.completion", "Set up completion for bash, zsh or fish."),
    },
}

STAGES: dict[str, Section] = {
    "Data": {
        "fetch": ("stages.fetch", "Get a source's raw archives: render, find or download."),
        "format": ("stages.format", "Convert raw data to the common layout, with a manifest."),
    },
    "Night images and derived datasets": {
        "image_lists": ("stages.image_lists", "List a folder of images for one side of a UNIT training."),
        "train_unit": ("stages.train_unit", "Train a UNIT translator on unpaired day and night images."),
        "translate": ("stages.translate", "Make a night dataset with a translator network."),
        "photometric": ("stages.photometric", "Make a night dataset without a network."),
        "merge": ("stages.merge", "Merge a day dataset and its night dataset."),
        "apart": ("stages.apart", "Keep the images that do not overlap a test set."),
        "select": ("stages.select", "Keep the database and the queries of one time of day."),
    },
    "Place recognition": {
        "train": ("stages.train", "Train a model on a dataset's train and val splits."),
        "adapt": ("stages.adapt", "Adapt any model to night images."),
        "asymmetric": ("stages.asymmetric", "Combine two models: one for queries, one for databases."),
        "model_file": ("stages.model_file", "Use a model.pt that someone else trained."),
        "hub_local": ("stages.hub_local", "Use a third-party model: torch.hub, from a folder."),
        "hub_github": ("stages.hub_github", "Use a third-party model: torch.hub, from GitHub."),
        "experiment": ("stages.experiment", "Put a model and its test settings into one folder."),
        "evaluate": ("stages.evaluate", "Evaluate an experiment on a test set: recall, matches."),
    },
    "Results": {
        "tables": ("stages.tables", "Tables of all recalls, compared with the paper."),
        "augmentations": ("stages.augmentations", "Show training queries with each augmentation."),
        "statistics": ("stages.statistics", "Statistics of a dataset, with a map and its brightness."),
        "sheet": ("stages.sheet", "Samples of a night dataset: day, our night, true night."),
        "compare": ("stages.compare", "Compare all available translators on the same images."),
        "report": ("stages.report", "Write the report page: tables, curves, images, matches."),
    },
}


class LazyGroup(click.Group):
    """A command group that imports a command only when it is called: help and completion are instant."""

    def __init__(self, *args: object, sections: Mapping[str, Section], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._sections = sections
        self._known = {name: told for section in sections.values() for name, told in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which they are used."""
        return list(self._known)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command."""
        if name in self.commands:
            return super().get_command(ctx, name)
        if name in self._known:
            return import_module(self._known[name][0]).main
        return None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, without importing them, and the options on one line."""
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
    """Build place-recognition datasets, make night images, measure the gain.

    \b
    First:  dvc repro          run everything on the embedded city, offline
            duskline results   see the gain from the night images
            duskline translate IN OUT --photometric classical   your own images
    params.yaml says what to make; docs/README.md explains everything else.
    """


@main.group("stage", cls=LazyGroup, sections=STAGES, context_settings={"max_content_width": 80})
def stage() -> None:
    """Run one stage by hand, as `dvc repro` does; see docs/parameters.md."""


if __name__ == "__main__":
    main()
