"""A small set of places that look different: one pattern for each, with noise for each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.image_io import encode
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, ImageSet
from pipeline.datasets.writing.set_writer import SetWriter

SIDE = 64
# Metres between two places, beyond every radius.
SPACING = 100.0


def write_places(
    root: Path, places: int = 6, views: int = 2, *, nights: bool = False, twins: bool = False
) -> ImageSet:
    """Write a set of `places` places a split, with `views` images of each in every role.

    With `nights`, each second view is darker and of the night; with `twins`, each image has its own night.
    """
    writer = SetWriter(root)
    for split_number, split in enumerate(SPLITS):
        for place in range(places):
            pattern = np.random.default_rng([split_number, place]).integers(40, 216, (8, 8, 3))
            for role_number, role in enumerate(ROLES):
                for view in range(views):
                    rng = np.random.default_rng([split_number, place, role_number, view])
                    pixels = np.kron(pattern, np.ones((8, 8, 1), int)) + rng.integers(
                        -30, 31, (SIDE, SIDE, 3)
                    )
                    night = nights and view % 2 == 1
                    pixels = pixels // 3 if night else pixels
                    east, north = 584_000 + SPACING * place, 4_477_000 + 1.0 * view
                    name = f"images/{split}/{role}/@{east:.2f}@{north:.2f}@{view}@.jpg"
                    pictures = [(name, pixels, "night" if night else "")]
                    if twins:
                        pictures.append((night_name(name), pixels // 3, "night"))
                    for each, shown, time_of_day in pictures:
                        writer.add(
                            each,
                            encode(shown.astype(np.uint8), ".jpg", quality=90),
                            source="made",
                            width=SIDE,
                            height=SIDE,
                            time_of_day=time_of_day,
                        )
    return writer.finish()
