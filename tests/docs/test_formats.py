"""The columns and fields that docs/formats.md tells of are those that the code writes."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from pipeline.datasets.archives.local_archives import LocalArchive
from pipeline.datasets.fetching import checksums
from pipeline.datasets.image_set import image_set, tar_shards
from pipeline.datasets.image_set.image_names import ImageName
from pipeline.datasets.image_set.licence_terms import Terms
from pipeline.datasets.time_of_day import labels
from pipeline.night.comparison.comparison_files import Measured
from pipeline.night.records.provenance import Origin
from pipeline.night.records.translator import OutputFormat, Recipe
from pipeline.report.sets.statistics import Statistics
from pipeline.report.tables import tables
from pipeline.vpr.models.descriptor_model import _FORMAT, load_model
from pipeline.vpr.results.metrics import MeasuredRecall, Metrics
from pipeline.vpr.results.predictions import Prediction
from pipeline.vpr.training.training import train_model
from tests.docs.pages import Page
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS
from unit.data import domain_images

PAGE = Page.read("docs/formats.md")
_TOLD = re.compile(r"<!-- (?:columns|fields) of (?:the |each )?(.*) -->")


def told() -> dict[str, list[str]]:
    """The first cells of the tables that follow a mark, by what the mark says."""
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in PAGE.lines:
        if mark := _TOLD.fullmatch(line):
            here = found.setdefault(mark[1], [])
        elif cell := re.match(r"\| `(\w+)` \|", line):
            here.append(cell[1])
        elif not line.startswith("|"):
            here = []
    return found


def names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


RECIPE = Recipe(
    "",
    {"translator": "", "checkpoint_digest": "", "settings": "", "numeric_path": ""},
    OutputFormat(".jpg", 90),
)
WRITTEN = {
    "ImageName": names(ImageName),
    "manifest.csv": list(image_set._HEADER),
    "terms.json": names(Terms),
    "origins.csv": names(Origin),
    "recipe.json": list(RECIPE.document()),
    "times_of_day.csv": list(labels._HEADER),
    "shards.csv": list(tar_shards._HEADER),
    "archives.json": names(LocalArchive),
    "pinned.csv": list(checksums._HEADER),
    "data/image_lists/<side>/<name>.csv": list(domain_images._HEADER),
    "metrics.json": names(Metrics),
    "recall in metrics.json": names(MeasuredRecall),
    "predictions.csv": names(Prediction),
    "recalls.csv": list(tables._RECALLS_HEADER),
    "paper.csv": list(tables._PAPER_HEADER),
    "measures.csv": names(Measured),
    "statistics.json": names(Statistics),
}


@pytest.mark.parametrize("file", WRITTEN)
def test_columns_are_those_of_the_code(file: str) -> None:
    assert told()[file] == WRITTEN[file]


def test_every_table_is_held_against_something() -> None:
    assert set(told()) == {*WRITTEN, "record of model.pt"}


@pytest.mark.slow
def test_the_record_of_a_model_is_as_told(tmp_path: Path) -> None:
    images = write_places(tmp_path / "places")
    weights = tmp_path / "weights.pt"
    torch.save(resnet18().state_dict(), weights)
    settings, work = replace(SETTINGS, weights=str(weights), epochs=1), tmp_path / "work"
    model = tmp_path / "model"
    train_model(settings, images, model, work, live=tmp_path / "live", device="cpu", workers=1)
    _, _, record = load_model(model / "model.pt")
    assert list(record) == told()["record of model.pt"]
    assert f"*{_FORMAT}*" in "\n".join(PAGE.lines)
