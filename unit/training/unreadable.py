"""Find images that cannot be used before the first step, and resume once they are fixed or removed.

A run that stopped because of such images leaves a note beside its states: their names, and a digest of all
other images. A run with the same settings, code and other images takes over these states.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from pipeline.compute.distributed.group import ALONE, Group
from pipeline.compute.distributed.training_state import saved_states
from pipeline.core.files import digest_document, read_json, write_json
from pipeline.runtime.errors import listed
from pipeline.runtime.image_check import refuse_unreadable, unreadable
from unit.training.training_images import CropSource

_NOTE = "unreadable.json"
_LOG = logging.getLogger(__name__)


def require_readable(
    sources: Sequence[CropSource], folder: Path, like: str, threads: int, group: Group = ALONE
) -> None:
    """Read every image once; `BadImageError` names all that cannot be cropped, and why.

    If the run has states in `folder`, a note there allows a run that is `like` it except for these images to
    resume from them. The processes of `group` share the images.
    """
    found = []
    for source in sources:
        mine = group.share(source.side.pictures)
        reads = {picture.name: partial(source.require_croppable, picture.path) for picture in mine}
        found.append(group.joined_words(unreadable(reads, threads)))
    if any(found) and group.writes and saved_states(folder):
        others = [_without(source, names) for source, names in zip(sources, found, strict=True)]
        write_json(folder / _NOTE, {"like": like, "unreadable": list(map(list, found)), "others": others})
    refuse_unreadable(
        (reason for of_source in found for reason in of_source.values()),
        "fix them, or remove them from their folder; training then resumes from the last saved state",
    )


def take_over_states(sources: Sequence[CropSource], folder: Path, like: str) -> None:
    """Move the states of a run that stopped because of images to `folder`, if nothing else changed since.

    A folder with states of its own keeps them.
    """
    if saved_states(folder):
        return
    code = folder.name.partition("_")[2]
    for path in sorted(folder.parent.glob(f"*_{code}/{_NOTE}")):
        note = read_json(path)
        others = [_without(source, names) for source, names in zip(sources, note["unreadable"], strict=True)]
        if (note["like"], note["others"]) == (like, others):
            names = [name for of_source in note["unreadable"] for name in of_source]
            _LOG.info(
                "resuming the run that stopped because of images which are now fixed or removed:%s",
                listed(names),
            )
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink()
            path.parent.rename(folder)
            return


def _without(source: CropSource, names: Collection[str]) -> str:
    """Digest of all images but these."""
    return digest_document([entry for entry in source.side.contents if entry[0] not in names])
