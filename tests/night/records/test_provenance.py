from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.night.records.provenance import Origin, read_origins, write_origins
from pipeline.runtime.errors import DusklineError, MissingInputError

ORIGIN = Origin("an.jpg", "a.jpg", "00", "unit", "11", "22", "cpu-float32", "done", "", "33")
COLUMNS = (
    "name,source,source_digest,translator,checkpoint_digest,settings_digest,numeric_path,status,reason,digest"
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def test_the_table_is_what_other_readers_expect(tmp_path: Path) -> None:
    failed = replace(ORIGIN, name="bn.jpg", source="b.jpg", status="failed", reason="empty, alas", digest="")
    write_origins(tmp_path, [ORIGIN, failed])
    assert (tmp_path / "origins.csv").read_text() == (
        f"{COLUMNS}\n"
        "an.jpg,a.jpg,00,unit,11,22,cpu-float32,done,,33\n"
        'bn.jpg,b.jpg,00,unit,11,22,cpu-float32,failed,"empty, alas",\n'
    )
    assert read_origins(tmp_path) == (ORIGIN, failed)


@given(
    st.lists(st.builds(Origin, *[texts] * 7, st.sampled_from(["done", "failed"]), texts, texts), max_size=5)
)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, origins: list[Origin]) -> None:
    folder = tmp_path_factory.mktemp("origins")
    write_origins(folder, iter(origins))
    assert read_origins(folder) == tuple(origins)


def test_what_all_rows_say_is_held_once(tmp_path: Path) -> None:
    made_by = replace(ORIGIN, checkpoint_digest="c" * 64, settings_digest="d" * 64)
    write_origins(tmp_path, [made_by, replace(made_by, name="bn.jpg", source="b.jpg")])
    first, second = read_origins(tmp_path)
    for column in ("translator", "checkpoint_digest", "settings_digest", "numeric_path", "status"):
        assert getattr(first, column) is getattr(second, column)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file: .*origins\.csv"):
        read_origins(tmp_path)


def test_a_table_without_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "origins.csv").write_text("name,source\n")
    with pytest.raises(DusklineError, match="has no column source_digest, translator"):
        read_origins(tmp_path)


def test_an_unknown_status_is_named_with_its_row(tmp_path: Path) -> None:
    write_origins(tmp_path, [ORIGIN, replace(ORIGIN, status="perhaps")])
    with pytest.raises(DusklineError, match="line 3: status 'perhaps' is not one of done, failed"):
        read_origins(tmp_path)
