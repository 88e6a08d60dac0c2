"""`duskline adapt`: adapts a VPR model to night from two folders, outside the pipeline."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from pipeline.runtime.errors import MissingInputError
from pipeline.runtime.machine import read_machine
from pipeline.vpr.adaptation.folder_lesson import FolderLesson
from stages.command import GOES_ON_FROM_STATE, say, worded_command
from stages.options import option, parameters_of

_DEFAULTS = {field.name: field.default for field in fields(FolderLesson) if field.default is not MISSING}


@worded_command("adapt", GOES_ON_FROM_STATE)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("days", type=click.Path(path_type=Path))
@click.argument("nights", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@option("--entry", str, "If MODEL is a torch.hub folder: the function in its hubconf.py that returns it.")
@click.option("--trust-repo", is_flag=True, help="Allow the code in that folder to run on this machine.")
@parameters_of(FolderLesson, **_DEFAULTS)
def main(
    model: Path, days: Path, nights: Path, out: Path, entry: str | None, trust_repo: bool, **chosen: Any
) -> None:
    """Adapt MODEL to night with the images in DAYS and their nights in NIGHTS, and write it into OUT.

    MODEL is a model.pt, the folder of a model, or, with --entry, a folder for torch.hub. NIGHTS is what
    `duskline translate DAYS NIGHTS` writes. No positions are needed.
    """
    from pipeline.vpr.adaptation.from_folders import adapt_from_folders

    machine = read_machine()
    work = machine.work / "adapt"
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work) as beside:
        teacher = _teacher(model, entry, trust_repo, Path(beside) / model.resolve().stem)
        summary = adapt_from_folders(
            FolderLesson(**chosen),
            teacher,
            days,
            nights,
            out,
            work,
            device=machine.device,
            workers=machine.workers,
        )
    say(f"{out}: {summary.steps:,} steps; loss {summary.first_loss:.3f}, at the end {summary.last_loss:.3f}")


def _teacher(model: Path, entry: str | None, trust_repo: bool, beside: Path) -> Path:
    """The folder of the teacher: the one given, or `beside`, made from the given file or repository."""
    from pipeline.vpr.adaptation.from_folders import is_model
    from pipeline.vpr.experiments.model_file import take_model
    from pipeline.vpr.experiments.torch_hub import HubModel, register_hub_model

    if entry is not None:
        register_hub_model(HubModel("local", str(model.resolve()), entry, {}, trust_repo), beside)
        return beside
    if model.is_file():
        take_model(model, beside)
        return beside
    if not is_model(model):
        raise MissingInputError(
            f"no model: {model}",
            hint="give a model.pt, a folder with one, or a folder with a hubconf.py and --entry",
        )
    return model


if __name__ == "__main__":
    main()
