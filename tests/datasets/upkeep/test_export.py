"""Either form of a set becomes plain files, with all that is beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import Terms, read_terms, write_terms
from pipeline.datasets.upkeep.export import export_set
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import UserError


def _set(root: Path, shards_above: int | None) -> ImageSet:
    with replaced_set(root, shards_above) as writer:
        for number in range(20):
            details = Details(pano_id=f"{number:06d}")
            name = name_at_utm(500_000 + number, 4_400_000, 17, "T", details).encode()
            writer.add(f"images/test/queries/{name}", b"x" * (number + 1), source="raw", width=4, height=3)
        write_terms(writer.root, [Terms("one", "The first", "MIT")])
    return ImageSet.open(root)


@pytest.mark.parametrize("shards_above", [None, 10])
def test_all_is_there_as_files(tmp_path: Path, shards_above: int | None) -> None:
    images = _set(tmp_path / "set", shards_above)
    made = export_set(images, tmp_path / "out")
    assert made.index is None
    assert made.digest == images.digest
    assert [made.path(row).read_bytes() for row in made.rows] == [images.read(row) for row in images.rows]
    assert [terms.licence for terms in read_terms(made.root)] == ["MIT"]
    assert sorted(path.name for path in made.root.iterdir()) == ["images", "manifest.csv", "terms.json"]


def test_files_are_links(tmp_path: Path) -> None:
    images = _set(tmp_path / "set", None)
    made = export_set(images, tmp_path / "out")
    assert all(made.path(row).samefile(images.path(row)) for row in made.rows)


def test_an_older_set_is_replaced_and_other_things_are_not(tmp_path: Path) -> None:
    images = _set(tmp_path / "set", 10)
    export_set(images, tmp_path / "out")
    assert len(export_set(images, tmp_path / "out").rows) == 20
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not empty and is not a dataset"):
        export_set(images, tmp_path / "mine")


@pytest.mark.parametrize("out", [".", "set", "set/out"])
def test_a_set_is_not_written_over_itself(tmp_path: Path, out: str) -> None:
    images = _set(tmp_path / "set", None)
    with pytest.raises(UserError, match="may not be inside each other"):
        export_set(images, tmp_path / out)
    assert ImageSet.open(tmp_path / "set").rows == images.rows
