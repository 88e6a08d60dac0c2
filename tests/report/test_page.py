from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape

from pipeline.core.errors import MissingInputError
from pipeline.core.files import write_bytes
from pipeline.night.compared import SHEET, Measured, write_compared
from pipeline.report.comparison import Comparison, compared_tables
from pipeline.report.page import write_page
from pipeline.report.results import read_results
from pipeline.report.sheet import write_sheet
from pipeline.report.statistics import write_statistics
from tests.report.made_up import picture, write_day_and_night, write_evaluation
from tests.report.made_up_finds import HOSTILE

# Elements of SVG may end in `/>`; these of HTML need no end.
VOID = {"meta", "img", "input"}
SHORT = {"line", "circle", "polyline", "path"}


class Page(HTMLParser):
    """Collects ids, links and pictures, and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.links.append(str(values["href"]))
        if tag == "img":
            self.pictures.append(values)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        assert tag in SHORT

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def written(
    tmp_path: Path, experiments: list[str], sheet_names: list[str], comparisons: list[str] | None = None
) -> str:
    for experiment in experiments:
        write_evaluation(tmp_path / "results", experiment, "tokyo_night")
    results = read_results(tmp_path / "results", experiments, ["tokyo_night"])
    comparison = Comparison(
        {"II/dn/netvlad": experiments[0]} if experiments else {}, {"tokyo_night": "tokyo_night"}
    )
    day, night = write_day_and_night(tmp_path)
    for name in sheet_names:
        write_sheet(tmp_path / "sheets" / name, day, night, 2, None)
    folders = [tmp_path / "compare" / name for name in comparisons or []]
    for folder in folders:
        write_comparison(folder)
    statistics = [tmp_path / "statistics" / "street <b>"] if sheet_names else []
    for folder in statistics:
        write_statistics(folder, day, 3, workers=1)
    out = tmp_path / "reports" / "index.html"
    sheets = [tmp_path / "sheets" / name for name in sheet_names]
    write_page(out, results, compared_tables(comparison, results), sheets, folders, statistics)
    return out.read_text()


def write_comparison(folder: Path, *, true_nights: bool = True) -> None:
    near = (12.75, 0.25) if true_nights else (None, None)
    rows = [
        Measured("day", "day", 6, 105.25, 42.0, 1.0, *near, "", ""),
        Measured("unit", "<i>city</i>", 6, 48.5, 25.5, 0.485, *near, "d" * 64, ""),
        Measured("unit", "lost", 0, None, None, None, None, None, "", "weights/lost.pt is <empty>"),
    ]
    write_bytes(folder / SHEET, picture(90))
    write_compared(folder, rows, [])


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    text = written(tmp_path, ["dn", "day"], ["pitts_night"])
    page = Page(text)
    assert page.open == []
    assert {link.removeprefix("#") for link in page.links} == set(page.ids) - {"finds-said", "finds-data"}
    assert len(page.ids) == len(set(page.ids))
    # A set's 2 figures; 4 samples of 2 pictures. Those of the finds are in their document.
    assert len(page.pictures) == 2 + 4 * 2
    kinds = ("data:image/jpeg;base64,", "data:image/svg+xml;base64,")
    assert all(str(picture["src"]).startswith(kinds) for picture in page.pictures)
    assert all(picture["alt"] for picture in page.pictures)
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert "@import" not in text
    assert "url(" not in text


def test_what_was_measured_is_on_it(tmp_path: Path) -> None:
    text = written(tmp_path, ["dn", "day"], ["pitts_night"])
    for wanted in ("45.0", "200 queries, 500 database images", "39.0 / 58.1", "not run", "right within 25 m"):
        assert wanted in text


def test_translators_are_on_it_with_their_numbers(tmp_path: Path) -> None:
    text = written(tmp_path, [], [], ["city_pitts"])
    page = Page(text)
    assert page.open == []
    assert page.links == ["#translators"]
    assert len(page.pictures) == 1
    flat = " ".join(text.split())
    for wanted in ("PSNR, dB", "<td>48.5</td>", "<td>48 %</td>", "<td>12.8</td><td>0.25</td>"):
        assert wanted in flat
    assert "&lt;i&gt;city&lt;/i&gt;" in text
    assert "cannot be used: weights/lost.pt is &lt;empty&gt;" in text
    assert "<i>" not in text


def test_without_true_nights_nothing_is_held_against_them(tmp_path: Path) -> None:
    write_comparison(tmp_path / "street", true_nights=False)
    write_page(tmp_path / "page.html", read_results(tmp_path, [], []), (), [], [tmp_path / "street"], [])
    assert "PSNR, dB" not in (tmp_path / "page.html").read_text()


def test_names_are_escaped(tmp_path: Path) -> None:
    text = written(tmp_path, ["dn"], [])
    assert HOSTILE not in text
    assert str(escape(HOSTILE)) in text
    assert text.count("</script>") == 2


def test_without_experiments_and_sheets_it_says_so(tmp_path: Path) -> None:
    text = written(tmp_path, [], [])
    assert Page(text).links == []
    assert "No experiment has been evaluated" in text


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a", ["dn"], ["n"], ["c"]) == written(tmp_path / "b", ["dn"], ["n"], ["c"])


def test_sets_are_shown_with_their_figures(tmp_path: Path) -> None:
    text = written(tmp_path, ["dn"], ["street_night"])
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "Map of the standpoints of street &lt;b&gt;; its numbers stand above" in text
    assert "standpoints on" in text


def test_a_missing_sheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"other/sheet\.csv"):
        results = read_results(tmp_path, [], [])
        write_page(tmp_path / "index.html", results, (), [tmp_path / "other"], [], [])
    with pytest.raises(MissingInputError, match=r"other/measures\.csv"):
        write_page(tmp_path / "index.html", results, (), [], [tmp_path / "other"], [])
