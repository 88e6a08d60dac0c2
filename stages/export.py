"""`duskline export`: a dataset as plain files in the common folder layout."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import STARTS_AGAIN, say, worded_command
from stages.known_names import set_names
from stages.options import completing
from stages.places import SETS


@worded_command("export", STARTS_AGAIN)
@click.argument("name", metavar="SET", shell_complete=completing(set_names))
@click.argument("folder", type=click.Path(path_type=Path))
def main(name: str, folder: Path) -> None:
    """Write a dataset into FOLDER as images/{train,val,test}/{database,queries}/@...@.jpg.

    SET is a name in data/sets, or the path of a dataset, whether plain files or shards. Files are hard links
    where possible: read them, but do not modify them. A dataset that is already in FOLDER is replaced.
    """
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.datasets.upkeep.export import export_set
    from pipeline.runtime.errors import MissingInputError

    root = SETS / name if (SETS / name).is_dir() else Path(name)
    if not root.is_dir():
        known = sorted(folder.name for folder in SETS.glob("*/"))
        raise MissingInputError(
            f"no dataset {name}, neither in {SETS} nor as a path",
            hint=f"known are {', '.join(known) or 'none: run dvc repro first'}",
        )
    made = export_set(ImageSet.open(root), folder)
    say(f"{folder}: {len(made.rows):,} images of {root}")


if __name__ == "__main__":
    main()
