"""`duskline export`: a set as plain files in the common folder layout."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import BEGINS_ANEW, say, worded_command
from stages.known_names import set_names
from stages.options import completing
from stages.places import SETS


@worded_command("export", BEGINS_ANEW)
@click.argument("name", metavar="SET", shell_complete=completing(set_names))
@click.argument("folder", type=click.Path(path_type=Path))
def main(name: str, folder: Path) -> None:
    """Write a set into FOLDER as images/{train,val,test}/{database,queries}/@...@.jpg, whatever its form.

    SET is a name below data/sets, or the path of a set. Files are hard links where that is possible: read
    them, and do not write into them. A set that is in FOLDER already is replaced.
    """
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.datasets.upkeep.export import export_set

    root = SETS / name if (SETS / name).is_dir() else Path(name)
    made = export_set(ImageSet.open(root), folder)
    say(f"{folder}: {len(made.rows):,} images of {root}")


if __name__ == "__main__":
    main()
