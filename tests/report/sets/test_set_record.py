"""What is carried of a set's records, against records that were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.night.records.provenance import ORIGINS, read_origins, write_origins
from pipeline.report.sets.set_record import RECORD, Maker, read_set_record, write_set_record
from pipeline.runtime.errors import DusklineError, MissingInputError
from tests.report.made_up import write_day_and_night


def test_a_night_set_says_what_made_it_and_what_was_refused(tmp_path: Path) -> None:
    _, night = write_day_and_night(tmp_path)
    terms = Terms("city", "The <city>", "MIT", "none", "somebody, 2022")
    write_terms(night.root, [terms])
    record = write_set_record(tmp_path / "out", night)
    assert record == read_set_record(tmp_path / "out")
    assert record.digest == night.digest
    assert record.terms == (terms,)
    assert record.makers == (Maker("unit", "c", "s", "cpu", 11),)
    assert record.failed == 1
    (reason,) = record.reasons
    assert (reason.text, reason.count) == ("is truncated after 300 bytes", 1)
    assert reason.example.startswith("images/train/database/@")


def test_a_day_set_has_neither(tmp_path: Path) -> None:
    day, _ = write_day_and_night(tmp_path)
    record = write_set_record(tmp_path / "out", day)
    assert (record.terms, record.makers, record.failed, record.reasons) == ((), (), 0, ())


def test_nights_that_a_set_does_not_keep_are_not_counted(tmp_path: Path) -> None:
    _, night = write_day_and_night(tmp_path)
    write_set_record(tmp_path / "out", ImageSet(night.root, night.rows[:3], night.digest))
    assert [maker.nights for maker in read_set_record(tmp_path / "out").makers] == [3]


def test_the_order_of_the_origins_does_not_count(tmp_path: Path) -> None:
    _, night = write_day_and_night(tmp_path)
    write_set_record(tmp_path / "one", night)
    write_origins(night.root, reversed(read_origins(night.root)))
    write_set_record(tmp_path / "two", night)
    assert (tmp_path / "one" / RECORD).read_bytes() == (tmp_path / "two" / RECORD).read_bytes()


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"record\.json"):
        read_set_record(tmp_path)
    (tmp_path / RECORD).write_text(json.dumps({"digest": "", "terms": [], "makers": [{"nights": 1}]}))
    with pytest.raises(DusklineError, match="is not the record of a dataset"):
        read_set_record(tmp_path)


def test_spoilt_origins_are_named(tmp_path: Path) -> None:
    _, night = write_day_and_night(tmp_path)
    (night.root / ORIGINS).write_text("name\n")
    with pytest.raises(DusklineError, match=r"origins\.csv"):
        write_set_record(tmp_path / "out", night)
