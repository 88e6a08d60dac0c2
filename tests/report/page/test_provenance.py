"""Where the page's numbers come from, against records that were written."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.night.comparison.comparison_files import Measured
from pipeline.report.page.provenance import Provenance, Set, provenance
from pipeline.report.sets.set_record import write_set_record
from pipeline.report.sets.statistics import write_statistics
from pipeline.report.tables.results import read_results
from tests.report.made_up import write_day_and_night, write_evaluation

CITY = Terms("city", "The city", "MIT")


def gathered(root: Path, trained_on: str = "a" * 64) -> tuple[Provenance, list[Set]]:
    sets = []
    for images in write_day_and_night(root):
        write_terms(images.root, [CITY])
        folder = root / "statistics" / images.root.name
        numbers = write_statistics(folder, images, 2, workers=1)
        sets.append(Set(images.root.name, folder, numbers, write_set_record(folder, images)))
    digest = sets[0].record.digest if trained_on == "pitts" else trained_on
    write_evaluation(root / "results", "day", "city", changes={"trained_on": digest})
    write_evaluation(root / "results", "others", "city", changes={"trained_on": "hub", "learnt_from": ""})
    results = read_results(root / "results", ["day", "others"], ["city"])
    lost = Measured("unit", "lost", 0, None, None, None, None, None, "", "is empty")
    fine = Measured("unit", "fine", 3, 1.0, 1.0, 1.0, None, None, "d" * 64, "")
    params = {"sets": {"shards_above": 5}, "test_sets": ["city", "<b>"], "none": {}}
    return provenance(params, results, sets, [("city_pitts", [lost, fine])]), sets


def test_sets_are_told_by_the_digests_of_their_records(tmp_path: Path) -> None:
    found, sets = gathered(tmp_path)
    assert found.digests == (
        ("city", "b" * 64),
        ("pitts", sets[0].record.digest),
        ("pitts_night", sets[1].record.digest),
    )


def test_a_model_is_told_with_the_set_that_it_was_trained_on(tmp_path: Path) -> None:
    found, _ = gathered(tmp_path, "pitts")
    day, others = found.models
    assert (day.name, day.dataset, day.learnt_from) == ("day", "pitts", "queries as they are")
    assert (others.name, others.dataset, others.trained_on) == ("others", "", "hub")


def test_of_two_models_as_one_both_are_named_and_words_are_no_digest(tmp_path: Path) -> None:
    gathered(tmp_path)
    pair = {"trained_on": "means() of colours", "described": "queries by means, database by day"}
    write_evaluation(tmp_path / "results", "pair", "city", changes=pair)
    found = provenance({}, read_results(tmp_path / "results", ["day", "pair"], ["city"]), [], [])
    assert [model.described for model in found.models] == ["", "queries by means, database by day"]
    assert [model.of_a_set for model in found.models] == [True, False]


def test_a_training_set_that_is_not_there_any_more_keeps_its_digest(tmp_path: Path) -> None:
    found, _ = gathered(tmp_path)
    assert (found.models[0].dataset, found.models[0].trained_on) == ("", "a" * 64)


def test_nights_refusals_terms_and_arithmetic_come_from_the_records(tmp_path: Path) -> None:
    found, sets = gathered(tmp_path)
    assert [(name, maker.nights) for name, maker in found.makers] == [("pitts_night", 11)]
    assert found.refused == (("pitts_night", sets[1].record),)
    assert [(name, row.name) for name, row in found.unusable] == [("city_pitts", "lost")]
    assert found.terms == ((CITY, ("pitts", "pitts_night")),)
    assert found.arithmetic == (
        ("cpu, float32, 2 threads", ("evaluation of day", "evaluation of others")),
        ("cpu", ("nights of pitts_night",)),
    )


def test_parameters_are_those_of_the_run_in_their_order(tmp_path: Path) -> None:
    shared = {"lr": 1e-4, "off": "off"}
    found, _ = gathered(tmp_path)
    assert [name for name, _ in found.parameters] == ["sets", "test_sets"]
    written = provenance({"train": {"a": shared, "b": shared}}, read_results(tmp_path, [], []), [], [])
    ((name, text),) = written.parameters
    assert name == "train"
    assert "&" not in text, "what two entries share is written out in both"
    assert yaml.safe_load(text) == {"a": shared, "b": shared}
