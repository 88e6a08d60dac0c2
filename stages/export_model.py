"""`duskline export-model`: a place recogniser for code bases that know nothing of duskline."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import BEGINS_ANEW, say, worded_command
from stages.known_names import model_names
from stages.options import completing
from stages.places import EXPERIMENTS, RECOGNISERS


@worded_command("export-model", BEGINS_ANEW)
@click.argument("name", shell_complete=completing(model_names))
@click.argument("out", type=click.Path(path_type=Path))
def main(name: str, out: Path) -> None:
    """Write a model into the folder OUT for torch.hub to load it without duskline, with the same numbers.

    NAME is a model below models/vpr. Of a model of others OUT has the weights and says whose code it needs;
    that code is run here. OUT/README.md tells how it is used. An export that is in OUT already is replaced.
    """
    from pipeline.vpr.export.export_model import export_model

    made = export_model(RECOGNISERS / name, EXPERIMENTS, out)
    say(
        f"{out}: {made.entry}, {made.descriptor_size:,} numbers a picture; its README.md tells how to load it"
    )


if __name__ == "__main__":
    main()
