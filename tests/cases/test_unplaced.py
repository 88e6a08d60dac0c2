"""Images with unknown positions: a dataset, nights, a model adapted with them and exported.

What needs positions says so.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.core.params import build
from pipeline.datasets.derived.exclude_overlap import exclude_overlap
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.formatting.readers.folder import FolderSettings
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.translate_set import translate_set
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import OutputFormat
from pipeline.report.sets.statistics import BRIGHTNESS, MAP, read_statistics, write_statistics
from pipeline.runtime.errors import ParameterError, SetError
from pipeline.vpr.adaptation.examples import adapting_data
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.export.export_model import export_model
from pipeline.vpr.training.training_data import training_data
from tests.datasets.own_photographs import VALUES, made_set, told
from tests.vpr.adaptation.runs import SETTINGS, run, write_teacher
from tests.vpr.places import write_places
from tests.vpr.runs import PAIRS

NOWHERE = {"coordinates": "none", "queries_by": "none"}
OF_TEST = replace(SETTINGS, split="test", positives=None, steps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs in two folders, two of one name; one that must be coded again."""
    root = tmp_path_factory.mktemp("photographs")
    for number, name in enumerate(("a/1.jpg", "a/2.jpg", "a/3.png", "b/1.jpg", "b/2.jpg", "b/3 @ home.jpg")):
        (root / name).parent.mkdir(exist_ok=True)
        pattern = np.random.default_rng(number).integers(40, 216, (8, 8, 3))
        Image.fromarray(np.kron(pattern, np.ones((8, 8, 1))).astype(np.uint8)).save(root / name)
    return root


@pytest.fixture(scope="module")
def days(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return made_set(folder, tmp_path_factory.mktemp("sets") / "days", **NOWHERE)


@pytest.fixture(scope="module")
def both(days: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    root = tmp_path_factory.mktemp("nights")
    translate_set(
        day=days,
        out=root / "nights",
        make_translator=partial(PhotometricTranslator, "classical"),
        output=OutputFormat(".jpg", 90),
        store=root / "store",
        workers=1,
        max_failed=0.0,
    )
    return merge_sets(days, ImageSet.open(root / "nights"), root / "both", 1.0, 0)


def test_their_set_says_that_nobody_knows(days: ImageSet) -> None:
    assert days.counts() == {"test/database": 6}
    assert days.positions_in == "unknown"
    names = [row.file_name for row in days.rows]
    assert all(name.startswith("@0000000.00@0000000.00@@@@@") for name in names)
    assert sorted(name.split("@")[7].partition("-")[0] for name in names) == [
        "1",
        "1",
        "2",
        "2",
        "3",
        "3 _ home",
    ]


def test_they_have_nights_that_teach_a_model_which_is_exported(both: ImageSet, tmp_path: Path) -> None:
    assert len(both.rows) == 12
    teacher = write_teacher(tmp_path / "teacher")
    assert run(both, teacher, tmp_path, OF_TEST).steps == 3
    made = export_model(tmp_path / "out", tmp_path / "experiments", tmp_path / "for_others")
    assert made.descriptor_size == 256
    model = torch.hub.load(str(tmp_path / "for_others"), made.entry, source="local")
    assert model(torch.zeros(1, 3, 48, 48)).shape == (1, 256)


@pytest.mark.parametrize("positives", [None, 10.0])
def test_each_is_a_place_of_its_own(both: ImageSet, positives: float | None) -> None:
    material = adapting_data(replace(OF_TEST, positives=positives), both, 1)
    assert len(material.places.kept) == 6
    rows = np.column_stack([np.arange(6), np.arange(6), np.zeros(6)]).astype(int)
    assert np.array_equal(material.near(rows), np.eye(6, dtype=bool))


def test_similar_ones_are_found_among_them(both: ImageSet, tmp_path: Path) -> None:
    teacher = write_teacher(tmp_path / "teacher")
    assert run(both, teacher, tmp_path, replace(OF_TEST, similar_places=2)).steps == 3


def test_what_needs_positions_says_so(both: ImageSet, days: ImageSet, tmp_path: Path) -> None:
    missing = "the images of .* have no positions, which this needs"
    with pytest.raises(SetError, match=missing):
        training_data(PAIRS, both, 1)
    write_experiment(
        tmp_path / "experiment",
        Experiment("teacher", 48, 48, "hard_resize", "none", 25.0, None, False, "off", 1),
        write_teacher(tmp_path / "teacher"),
    )
    with pytest.raises(SetError, match=missing):
        evaluate(tmp_path / "experiment", both, tmp_path / "out", tmp_path / "store", device="cpu", workers=1)
    placed = write_places(tmp_path / "placed", 1)
    for one, other in ((days, placed), (placed, days)):
        with pytest.raises(SetError, match=missing):
            exclude_overlap(one, other, tmp_path / "apart", 25)
    with pytest.raises(SetError, match="are in different units or UTM zones"):
        merge_sets(days, placed, tmp_path / "merged", 1.0, 0)


def test_their_statistics_have_neither_places_nor_a_map(both: ImageSet, tmp_path: Path) -> None:
    found = write_statistics(tmp_path, both, 4, workers=1)
    assert not found.has_places
    assert found == read_statistics(tmp_path)
    assert (tmp_path / BRIGHTNESS).is_file()
    assert not (tmp_path / MAP).exists()


@pytest.mark.parametrize("changes", [{"split_by": "blocks"}, {"queries_by": "share"}, {"split_by": "column"}])
def test_choices_by_position_or_by_a_table_need_these(changes: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match=r"need positions|only with coordinates in a CSV"):
        build(FolderSettings, {**VALUES, **NOWHERE, **changes}, "format.own")


def test_folders_say_roles_and_a_broken_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"no image")
    said = told(tmp_path / "photos", **NOWHERE)
    assert "a.jpg: " in said
    assert "fix the files, as each line says" in said
    assert "coordinates: none" in told_of_exif(tmp_path)


def told_of_exif(root: Path) -> str:
    (root / "exif").mkdir()
    Image.new("RGB", (8, 8)).save(root / "exif" / "a.jpg")
    return told(root / "exif", coordinates="exif")
