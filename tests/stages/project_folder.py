"""A folder as stages see the project: params.yaml, a city of a few pixels, and a day set of its views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.city.export.archive_layouts import form_of
from pipeline.core.files import write_text
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from tests.city.tiny import VALUES, tiny
from tests.night.fakes import picture


def write_project(root: Path, **sections: Any) -> None:
    """Write params.yaml with the tiny city, true to its settings, and `sections`."""
    params = {"fetch": {"city": {"kind": "city", **VALUES}}, **sections}
    write_text(root / "params.yaml", yaml.safe_dump(params))


def write_day_set(root: Path, name: str, count: int) -> ImageSet:
    """Write `count` images of noise in the places of the city's views, as the test split."""
    writer = SetWriter(root / "data" / "sets" / name)
    views = list(form_of(tiny(), "pittsburgh").pictures())[:count]
    for number, view in enumerate(views):
        writer.add(
            f"images/test/database/@{585_000 + number:010.2f}@4477000.00@{number}@.jpg",
            picture(number, VALUES["width"], VALUES["height"]),
            source=f"000.tar/{view.member}",
            width=VALUES["width"],
            height=VALUES["height"],
        )
    return writer.finish()
