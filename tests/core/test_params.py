from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from pipeline.core.params import build, read_params, section_of
from pipeline.runtime.errors import MissingInputError, ParameterError


@dataclass(frozen=True)
class Everything:
    """One field of each kind that a section may have."""

    name: str
    count: int
    share: float
    exact: bool
    place: Path
    kind: Literal["jpg", "png"]
    sizes: tuple[int, ...]
    pair: tuple[float, float]
    table: dict[str, int]
    limit: int | None
    choice: Literal["a", "b"] | None
    steps: tuple[str, ...] | None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must not be negative, not {self.count}")


GIVEN: dict[str, Any] = {
    "name": "n",
    "count": 3,
    "share": 0.5,
    "exact": True,
    "place": "a/b",
    "kind": "jpg",
    "sizes": [1, 2, 3],
    "pair": [1, 2.5],
    "table": {"a": 1},
    "limit": 7,
    "choice": "b",
    "steps": ["x", "y"],
}


@dataclass(frozen=True)
class WithChoice:
    """A field with a default belongs to a choice that a section need not make."""

    name: str
    extra: int = 0


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert build(WithChoice, {"name": "n"}, "x") == WithChoice("n")
    assert build(WithChoice, {"name": "n", "extra": 2}, "x") == WithChoice("n", 2)
    with pytest.raises(ParameterError, match="x: missing parameter name"):
        build(WithChoice, {"extra": 2}, "x")


def built(**changes: Any) -> Everything:
    return build(Everything, GIVEN | changes, "section.one")


def test_a_section_becomes_its_dataclass() -> None:
    assert built() == Everything(
        "n", 3, 0.5, True, Path("a/b"), "jpg", (1, 2, 3), (1.0, 2.5), {"a": 1}, 7, "b", ("x", "y")
    )


def test_whole_numbers_are_numbers_and_nothing_may_be_nothing() -> None:
    section = built(share=1, limit=None, choice=None, steps=None, sizes=[])
    assert (section.share, type(section.share)) == (1.0, float)
    assert (section.limit, section.choice, section.steps, section.sizes) == (None, None, None, ())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", 3, "section.one.name must be str, not 3"),
        ("name", None, "section.one.name must be str, not None"),
        ("count", "3", "section.one.count must be int, not '3'"),
        ("count", 3.0, "section.one.count must be int, not 3.0"),
        ("count", True, "section.one.count must be int, not True"),
        ("share", True, "section.one.share must be float, not True"),
        ("share", "half", "section.one.share must be float, not 'half'"),
        ("exact", 1, "section.one.exact must be bool, not 1"),
        ("exact", "yes", "section.one.exact must be bool, not 'yes'"),
        ("place", 4, "section.one.place must be Path, not 4"),
        ("kind", "gif", "section.one.kind must be one of jpg, png, not 'gif'"),
        ("sizes", 4, "section.one.sizes must be a list, not 4"),
        ("sizes", [1, "2"], r"section.one.sizes\[1\] must be int, not '2'"),
        ("pair", [1], "section.one.pair must have 2 entries, not 1"),
        ("pair", [1, 2, 3], "section.one.pair must have 2 entries, not 3"),
        ("pair", [1, "x"], r"section.one.pair\[1\] must be float, not 'x'"),
        ("table", [1], r"section.one.table must be dict, not \[1\]"),
        ("limit", "many", "section.one.limit must be int, not 'many'"),
        ("choice", "c", "section.one.choice must be one of a, b, not 'c'"),
        ("steps", "x", "section.one.steps must be a list, not 'x'"),
        ("count", -1, "section.one: count must not be negative, not -1"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(field: str, value: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        built(**{field: value})


def test_a_misspelt_parameter_is_named_with_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"section\.one: unknown parameter cuont; known are name, count"):
        built(cuont=3)


def test_missing_parameters_are_named() -> None:
    values = {name: value for name, value in GIVEN.items() if name not in ("count", "kind")}
    with pytest.raises(ParameterError, match=r"section\.one: missing parameter count, kind"):
        build(Everything, values, "section.one")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_parameter_file_is_nested_mappings(tmp_path: Path) -> None:
    path = written(tmp_path, "fetch:\n  city:\n    seed: 3 # why\n    name: 'ü'\n")
    assert read_params(path) == {"fetch": {"city": {"seed": 3, "name": "ü"}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("-2E+3", -2000.0),
        ("1.5e3", 1500.0),
        ("1.0e-4", 0.0001),
        ("3", 3),
        ("'1e-4'", "1e-4"),
        ("1e-4x", "1e-4x"),
        ("v1e4", "v1e4"),
    ],
)
def test_numbers_are_those_that_dvc_reads(tmp_path: Path, text: str, value: object) -> None:
    found = read_params(written(tmp_path, f"section: {text}\n"))["section"]
    assert (found, type(found)) == (value, type(value))


def test_a_missing_parameter_file_says_where_profiles_are(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no parameter file .*params\.yaml") as caught:
        read_params(tmp_path / "params.yaml")
    assert "cp profiles/city.yaml params.yaml" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "is not YAML"),
        ("a: b: c\n", "is not YAML"),
        ("a: 1\nb: 2\na: 3\n", r"is not YAML: first on line 1(.|\n)*duplicate key a(.|\n)*line 3"),
        ("- a\n- b\n", "expected sections, found list"),
        ("", "expected sections, found NoneType"),
        ("only text", "expected sections, found str"),
        ("a: !!python/object/apply:os.getcwd []\n", "is not YAML"),
    ],
)
def test_what_is_no_parameter_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        read_params(written(tmp_path, text))
    assert "params.yaml" in caught.value.message


def test_a_parameter_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("name: ü\n".encode("latin-1"))
    with pytest.raises(ParameterError, match="is not YAML"):
        read_params(path)


PARAMS = {"fetch": {"city": {"seed": 3}, "pitts": None}, "seed": 5}


def test_a_section_is_found_by_its_keys_and_is_a_copy() -> None:
    section = section_of(PARAMS, "fetch", "city")
    assert section == {"seed": 3}
    section["seed"] = 4
    assert PARAMS["fetch"]["city"] == {"seed": 3}  # type: ignore[index]
    assert section_of(PARAMS) == PARAMS


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("translate",), "params.yaml has no translate; found there: fetch, seed"),
        (("fetch", "tokyo"), "params.yaml has no fetch.tokyo; found there: city, pitts"),
        (("seed", "x"), "params.yaml has no seed.x; found there: 5"),
        (("fetch", "pitts"), "params.yaml: fetch.pitts must be a section, not None"),
        (("seed",), "params.yaml: seed must be a section, not 5"),
    ],
)
def test_a_missing_section_is_named_with_what_there_is(keys: tuple[str, ...], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        section_of(PARAMS, *keys)


def test_words_are_what_yaml_1_2_takes_them_for(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: off\nb: true\nc: no\nd: False\ne: 'on'\nf: [yes, y, 1e-4]\n")
    found = read_params(path)
    assert found == {"a": "off", "b": True, "c": "no", "d": False, "e": "on", "f": ["yes", "y", 1e-4]}


@dataclass(frozen=True)
class Outer:
    inner: WithChoice | None
    always: WithChoice


def test_a_section_within_a_section_is_built_and_named_in_errors() -> None:
    values = {"inner": None, "always": {"name": "n", "extra": 2}}
    assert build(Outer, values, "x") == Outer(None, WithChoice("n", 2))
    with pytest.raises(ParameterError, match=r"x\.always: unknown parameter extar; known are name, extra"):
        build(Outer, values | {"always": {"name": "n", "extar": 2}}, "x")
    with pytest.raises(ParameterError, match=r"x\.always must be WithChoice, not 3"):
        build(Outer, values | {"always": 3}, "x")
