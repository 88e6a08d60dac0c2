"""Stage `image_lists`: one folder of images for one side of a translator's training run, listed in place."""

from __future__ import annotations

from pathlib import Path

from pipeline.runtime.machine import read_machine
from stages.command import stage_command
from stages.options import parameters_of
from stages.places import IMAGE_LISTS
from stages.training_sides import ListedFolder


@stage_command("image_lists")
@parameters_of(ListedFolder)
def main(name: str, side: str, folder: Path) -> str:
    """List the images of a folder, with their digests, for one side of a training run; nothing is copied."""
    from pipeline.core.params import build
    from unit.data.domain_images import list_side

    listed = build(ListedFolder, {"side": side, "folder": str(folder)}, f"image_lists.{name}")
    count = list_side(folder, IMAGE_LISTS / listed.side / f"{name}.csv", read_machine().workers)
    return f"{count:,} images of {folder}"


if __name__ == "__main__":
    main()
