"""`duskline export-model`: a place-recognition model for code that does not use duskline."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import STARTS_AGAIN, say, worded_command
from stages.known_names import model_names
from stages.options import completing
from stages.places import EXPERIMENTS, RECOGNISERS


@worded_command("export-model", STARTS_AGAIN)
@click.argument("name", shell_complete=completing(model_names))
@click.argument("out", type=click.Path(path_type=Path))
def main(name: str, out: Path) -> None:
    """Export a model to the folder OUT. torch.hub loads it without duskline, with the same descriptors.

    NAME is a model in models/vpr, or the path of a folder with a model. For a third-party model, OUT holds
    the weights and names the code that it needs; that code runs during the export. OUT/README.md explains how
    to use the model. An export that is already in OUT is replaced.
    """
    from pipeline.vpr.export.export_model import export_model

    made = export_model(RECOGNISERS / name, EXPERIMENTS, out)
    size = f"descriptors of {made.descriptor_size:,} numbers"
    say(f"{out}: {made.entry}, {size}; its README.md says how to load it")


if __name__ == "__main__":
    main()
