"""JSON and CSV, written and read by files.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import files
from pipeline.runtime.errors import DusklineError, MissingInputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# JSON


def test_equal_documents_are_equal_bytes(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    files.write_json(tmp_path / "b.json", {"a": "ü", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'
    assert files.read_json(tmp_path / "a.json") == {"a": "ü", "b": 1}


def test_a_bad_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file: .*a\.json"):
        files.read_json(tmp_path / "a.json")
    for data in (b"{", b"", b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(data)
        with pytest.raises(DusklineError, match=r"a\.json is not a JSON document"):
            files.read_json(tmp_path / "a.json")


def test_a_document_that_is_none_leaves_the_old_one(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", [1])
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == [1]


# CSV

HEADER = ("name", "value")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    files.write_csv(path, HEADER, iter(rows))
    assert [(row["name"], row["value"]) for _, row in files.read_csv(path, HEADER)] == rows


def test_the_form_of_a_table(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "a.csv", HEADER, [("a,b", 1), ("ü", 2.5)])
    assert (tmp_path / "a.csv").read_bytes() == 'name,value\n"a,b",1\nü,2.5\n'.encode()


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfname,value,more\r\na,1,x\r\n\r\nb,2,y\r\n")
    rows = list(files.read_csv(tmp_path / "a.csv", ["value", "name"]))
    assert rows == [
        (2, {"name": "a", "value": "1", "more": "x"}),
        (4, {"name": "b", "value": "2", "more": "y"}),
    ]


def test_rows_that_fail_leave_the_old_table(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[str, int]]:
        yield "a", 1
        raise ZeroDivisionError

    files.write_csv(tmp_path / "a.csv", HEADER, [("old", 1)])
    with pytest.raises(ZeroDivisionError):
        files.write_csv(tmp_path / "a.csv", HEADER, rows())
    assert (tmp_path / "a.csv").read_text() == "name,value\nold,1\n"
    assert names(tmp_path) == ["a.csv"]


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such file: .*a\.csv"):
        list(files.read_csv(tmp_path / "a.csv", HEADER))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\na\n", "has no column value; its header is name"),
        (b"", "has no column name, value; its header is empty"),
        (b"name,value\na,1\nb\n", "line 3: 1 values for 2 columns"),
        (b"name,value\na,1,x\n", "line 2: 3 values for 2 columns"),
        (b"name,value\na,\xff\n", "is not a CSV in UTF-8"),
        (b'name,value\na,"' + b"x" * 200_000 + b'"\n', "is not a CSV in UTF-8: field larger than"),
    ],
    ids=["column", "empty", "short-row", "long-row", "encoding", "endless-field"],
)
def test_a_damaged_table_is_named_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DusklineError, match=message) as caught:
        list(files.read_csv(tmp_path / "a.csv", HEADER))
    assert str(tmp_path / "a.csv") in caught.value.message
