"""That positions count frames goes with a set wherever it goes, and is never mixed with metres."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from pipeline.datasets.derived.exclude_overlap import exclude_overlap
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.traverses import read_traverses
from pipeline.datasets.formatting.resume import ResumableSet
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.upkeep.export import export_set
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.runtime.errors import MissingInputError, SetError
from tests.datasets.made_sets import day_set, night_set
from tests.datasets.raw_forms import jpeg
from tests.datasets.walks import made_walks, make_walks, settings

METRES_COLUMNS = "name,source,digest,size,width,height,time_of_day"


@pytest.fixture
def walk(tmp_path: Path) -> ImageSet:
    return made_walks(make_walks(tmp_path / "raw"), tmp_path / "walk")


def test_sets_of_metres_have_no_such_column(tmp_path: Path) -> None:
    made = day_set(tmp_path / "day")
    assert (made.root / "manifest.csv").read_text().splitlines()[0] == METRES_COLUMNS
    assert made.positions_in == ""


def test_selected_queries_keep_their_unit(walk: ImageSet, tmp_path: Path) -> None:
    select_time(walk, tmp_path / "night", "night", None)
    assert ImageSet.open(tmp_path / "night").positions_in == "frames"


def test_exported_sets_keep_their_unit(walk: ImageSet, tmp_path: Path) -> None:
    assert export_set(walk, tmp_path / "out").positions_in == "frames"


def test_shards_keep_their_unit(walk: ImageSet, tmp_path: Path) -> None:
    settled = settings()
    raw = tmp_path / "raw"
    packed = format_set(read_traverses(raw, settled, raw), tmp_path / "packed", workers=1, shards_above=3)
    assert packed.positions_in == "frames"
    assert packed.digest == walk.digest
    with tarfile.open(next((tmp_path / "packed" / "shards").glob("*.tar"))) as shard:
        told = [json.load(shard.extractfile(name)) for name in shard.getnames() if name.endswith(".json")]  # type: ignore[arg-type]
    assert {one["positions_in"] for one in told} == {"frames"}


def test_a_format_that_goes_on_keeps_the_unit(walk: ImageSet, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    broken = raw / "night_right" / "Image003.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-600])
    resumable = ResumableSet.opened(tmp_path / "work", "key")
    with pytest.raises(Exception, match="1 of 8 images cannot be read"):
        format_set(read_traverses(raw, settings(), raw), tmp_path / "again", workers=1, resumable=resumable)
    resumable.close()
    broken.write_bytes(whole)
    resumable = ResumableSet.opened(tmp_path / "work", "key")
    assert {row.positions_in for row in resumable.rows.values()} == {"frames"}
    made = format_set(
        read_traverses(raw, settings(), raw), tmp_path / "again", workers=1, resumable=resumable
    )
    assert made.digest == walk.digest


def test_frames_and_metres_are_not_merged(walk: ImageSet, tmp_path: Path) -> None:
    nights = night_set(day_set(tmp_path / "day"), tmp_path / "nights")
    with pytest.raises(SetError) as caught:
        merge_sets(walk, nights, tmp_path / "dn", 1.0, 0)
    assert (
        f"are in different units or UTM zones: {walk.root}: frames; {nights.root}: metres"
        in caught.value.message
    )
    assert not (tmp_path / "dn").exists()


def test_frames_and_metres_are_not_held_apart(walk: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="are in different units or UTM zones"):
        exclude_overlap(day_set(tmp_path / "day"), walk, tmp_path / "out", 25.0)


def test_a_writer_refuses_both_in_one_set(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    for number, unit in enumerate(("frames", "")):
        name = f"images/test/database/@{number}@0@.jpg"
        writer.add(name, jpeg(), source="made", width=64, height=48, positions_in=unit)
    with pytest.raises(SetError, match=r"@1@0@\.jpg is in metres, .*@0@0@\.jpg in frames"):
        writer.finish()
    with pytest.raises(MissingInputError):
        ImageSet.open(tmp_path / "set")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (",frames\n", ",miles\n", "line 2.*positions are in 'miles', expected frames"),
        (",frames\n", ",\n", "line 3.*positions of some images are in metres, of others in frames"),
        (",frames\n", "\n", "line 2.*7 values instead of 8"),
        (",positions_in\n", ",unit\n", "its header is .*unit"),
    ],
)
def test_manifests_that_are_refused(walk: ImageSet, before: str, after: str, message: str) -> None:
    manifest = walk.root / "manifest.csv"
    text = manifest.read_text()
    manifest.unlink()
    manifest.write_text(text.replace(before, after, 1))
    with pytest.raises(SetError, match=message):
        ImageSet.open(walk.root)
