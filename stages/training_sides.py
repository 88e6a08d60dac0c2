"""The images of one side of `train_unit`: a folder, or the folders that the section `image_lists` lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.places import IMAGE_LISTS

if TYPE_CHECKING:
    from unit.data.domain_images import Side


@dataclass(frozen=True)
class ListedFolder:
    """Images for one side of a training run.

    side: name of the side that the images belong to, in data/image_lists.
    folder: folder of images, searched with its subfolders.
    """

    side: str
    folder: Path

    def __post_init__(self) -> None:
        if self.side in ("", "..") or self.side != Path(self.side).name:
            raise ValueError(f"side must be a name, not {self.side!r}")


def read_side(place: Path, params: dict[str, Any]) -> Side:
    """The images at `place`: in data/image_lists, those of all folders that `params` lists for that side.

    A listing of a folder that `params` no longer names is not read. `ParameterError` when none is named.
    """
    from pipeline.core.params import build, section_of
    from pipeline.runtime.errors import ParameterError
    from unit.data.domain_images import side_of_folder, side_of_listings

    if place.parent != IMAGE_LISTS:
        return side_of_folder(place)
    section = section_of(params, "image_lists")
    entries = {name: build(ListedFolder, entry, f"image_lists.{name}") for name, entry in section.items()}
    folders = {name: entry.folder for name, entry in entries.items() if entry.side == place.name}
    if not folders:
        known = ", ".join(sorted({entry.side for entry in entries.values()})) or "none"
        raise ParameterError(
            f"image_lists has no folder for the side {place.name}; it has folders for: {known}",
            hint=f"add one to image_lists in params.yaml, with side: {place.name}",
        )
    return side_of_listings(folders, place)
