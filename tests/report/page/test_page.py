from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.files import write_bytes
from pipeline.core.params import build
from pipeline.night.comparison.comparison_files import SHEET, Measured, write_compared
from pipeline.report.page.charts import BARS_WIDTH, bar_x
from pipeline.report.page.page import Augmentations, Material, PageParams, write_page
from pipeline.report.sets.set_record import write_set_record
from pipeline.report.sets.sheet import write_sheet
from pipeline.report.sets.statistics import write_statistics
from pipeline.report.tables.comparison import Comparison, compared_tables
from pipeline.report.tables.headline import read_headlines
from pipeline.report.tables.results import read_results
from pipeline.runtime.errors import MissingInputError, ParameterError
from tests.report.made_up import picture, write_day_and_night, write_evaluation

# Elements of SVG may end in `/>`; these of HTML need no end.
VOID = {"meta", "img", "input", "br"}
SHORT = {"line", "circle", "polyline", "path"}
# Names that would do harm if they were not escaped.
HOSTILE = "</script><script>alert(1)</script>"


class Page(HTMLParser):
    """Collects ids, links, images, and what labels point at; and that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pointed_at: set[str] = set()
        self.pictures: list[dict[str, str | None]] = []
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.attributes |= values.keys()
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.links.append(str(values["href"]))
        if tag == "img":
            self.pictures.append(values)
        self.pointed_at |= set(str(values.get("aria-labelledby", "")).split())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        assert tag in SHORT

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def made_material(
    root: Path,
    experiments: Sequence[str] = ("dn", "day"),
    sheets: Sequence[str] = ("pitts_night",),
    comparisons: Sequence[str] = (),
    augmentations: Sequence[str] = (),
    params: dict[str, Any] | None = None,
) -> Material:
    """Everything that a page shows, made up below `root`."""
    test_sets = ["tokyo_night", "city"] if experiments else []
    for number, experiment in enumerate(experiments):
        for test_set in test_sets:
            write_evaluation(root / "results", experiment, test_set, hits=max(90 - 30 * number, 15))
    results = read_results(root / "results", experiments, test_sets)
    day, night = write_day_and_night(root)
    for name in sheets:
        write_sheet(root / "sheets" / name, day, night, 2, None)
    for name in comparisons:
        write_comparison(root / "compare" / name)
    for name in augmentations:
        write_bytes(root / "augmentations" / f"{name}.jpg", picture(70))
    statistics = [root / "statistics" / "street <b>", root / "statistics" / "street_night"] if sheets else []
    for folder, images in zip(statistics, (day, night), strict=False):
        write_statistics(folder, images, 3, workers=1)
        write_set_record(folder, images)
    rows = dict(zip(("II/dn/netvlad", "II/day/netvlad"), experiments, strict=False))
    headline = {"before": "day", "after": "dn", "night": "tokyo_night", "day": "city"}
    return Material(
        params=params or {"sets": {"shards_above": 5}},
        results=results,
        headlines=read_headlines({"city": headline} if {"day", "dn"} <= set(experiments) else {}, results),
        compared=compared_tables(
            Comparison(rows, {"tokyo_night": "tokyo_night"} if experiments else {}), results
        ),
        sheets=[root / "sheets" / name for name in sheets],
        comparisons=[root / "compare" / name for name in comparisons],
        augmentations=[
            Augmentations(name, root / "augmentations" / f"{name}.jpg", ("night, <i>", "crop"))
            for name in augmentations
        ],
        statistics=statistics,
    )


def write_comparison(folder: Path, *, true_nights: bool = True) -> None:
    psnr, ssim = (12.75, 0.25) if true_nights else (None, None)
    rows = [
        Measured("day", "day", 6, 105.25, 42.0, 1.0, psnr, ssim, "", ""),
        Measured("unit", "<i>city</i>", 6, 48.5, 25.5, 0.485, psnr, ssim, "d" * 64, ""),
        Measured("resnet", "cyclegan", 6, 48.5, 25.5, 0.485, psnr, ssim, "e" * 64, ""),
        Measured("checkpoint", "lost", 0, None, None, None, None, None, "", "weights/lost.pt is <empty>"),
    ]
    write_bytes(folder / SHEET, picture(90))
    write_compared(folder, rows, [])


def written(root: Path, **chosen: Any) -> str:
    write_page(root / "reports" / "index.html", made_material(root, **chosen), 15)
    return (root / "reports" / "index.html").read_text()


def section(text: str, name: str) -> str:
    """A section of the page as words, white space as single blanks."""
    found = re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)
    assert found, name
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", found[0])).split())


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    text = written(tmp_path, comparisons=["c"], augmentations=["a"])
    page = Page(text)
    assert page.open == []
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert page.pointed_at - {""} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    kinds = ("data:image/jpeg;base64,", "data:image/svg+xml;base64,")
    assert all(str(picture["src"]).startswith(kinds) for picture in page.pictures)
    assert all(picture["alt"] for picture in page.pictures)
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert "@import" not in text
    assert "url(" not in text
    assert not [name for name in page.attributes if name.startswith("on")], "no script in attributes"


def test_every_section_is_linked_and_none_that_is_not_there(tmp_path: Path) -> None:
    everything = Page(written(tmp_path / "all", comparisons=["c"], augmentations=["a"]))
    for name in ("headline", "recall", "paper", "translators", "augmentations", "sets", "origin"):
        assert f"#{name}" in everything.links
    nothing = Page(written(tmp_path / "none", experiments=[], sheets=[]))
    assert nothing.links == ["#main", "#origin"]


def test_only_its_own_scripts_may_run(tmp_path: Path) -> None:
    text = written(tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src 'none'" in policy[1]
    (run,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(run.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy[1]


def test_the_headline_tells_before_after_and_what_may_be_said(tmp_path: Path) -> None:
    told = section(written(tmp_path), "headline")
    for wanted in (
        "city By night, dn finds 15.0 points more than day",
        "By night recall@1 on tokyo_night, 200 queries day, then dn 30.0 → , then 45.0 % +15.0 points",
        "By day recall@1 on city, 200 queries",
        "On tokyo_night, dn finds more than day: the interval of the difference is above 0.",
        "Night: tokyo_night: day 30.0 [24.1, 36.7] %, then dn 45.0 [38.3, 51.9] %.",
        "tokyo_night 1 200 60 0 30 +15.0",
        "Training with another seed also changes the numbers",
    ):
        assert wanted in told
    assert "not better than chance" not in told


def test_the_figure_of_the_headline_lies_within_and_more_lies_further_right(tmp_path: Path) -> None:
    marks = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="6"', written(tmp_path))
    x, y = ([float(mark[axis]) for mark in marks] for axis in (0, 1))
    assert len(x) == 4
    assert bar_x(0) < x[0] < x[1] < bar_x(100) < BARS_WIDTH
    assert y == sorted(set(y))
    assert 0 < y[0] < y[-1] < 252


def test_two_models_as_one_are_named_and_a_set_without_positions_has_no_map(tmp_path: Path) -> None:
    material = made_material(tmp_path)
    pair = {"described": "queries by <dn>, database by day", "trained_on": "means() of colours"}
    for name in ("tokyo_night", "city"):
        write_evaluation(tmp_path / "results", "dn", name, changes=pair)
    results = read_results(tmp_path / "results", ["dn", "day"], ["tokyo_night", "city"])
    folder = material.statistics[0]
    numbers = json.loads((folder / "statistics.json").read_text()) | {"positions_in": "unknown"}
    (folder / "statistics.json").write_text(json.dumps(numbers))
    (folder / "map.svg").unlink()
    write_page(tmp_path / "index.html", Material(**{**vars(material), "results": results}), 15)
    text = (tmp_path / "index.html").read_text()
    assert section(text, "recall").count("dn (queries by <dn>, database by day)") == 2
    # Of each evaluation, and once among the models, with the words that are no digest.
    origin = section(text, "origin")
    assert origin.count("dn (queries by <dn>, database by day)") == 3
    assert "<td>means() of colours</td>" in text
    assert "street <b>: brightness" in section(text, "sets")
    assert "The positions are unknown." in section(text, "sets")


def test_what_the_interval_does_not_allow_is_not_said(tmp_path: Path) -> None:
    material = made_material(tmp_path)
    for name in ("day", "dn"):
        write_evaluation(tmp_path / "results", name, "tokyo_night", hits=5)
        write_evaluation(tmp_path / "results", name, "city", hits=12 if name == "dn" else 90)
    results = read_results(tmp_path / "results", ["dn", "day"], ["tokyo_night", "city"])
    entry = {"before": "day", "after": "dn", "night": "tokyo_night", "day": "city"}
    headlines = read_headlines({"city": entry}, results)
    shown = Material(**{**vars(material), "results": results, "headlines": headlines})
    write_page(tmp_path / "index.html", shown, 15)
    told = section((tmp_path / "index.html").read_text(), "headline")
    assert "By night, no significant difference between dn and day" in told
    assert "On tokyo_night, 200 queries show no significant difference" in told
    assert "its interval includes 0" in told
    assert "On city, dn finds fewer than day: the interval of the difference is below 0." in told
    for name in ("day", "dn"):
        assert f"On tokyo_night, {name} is not better than chance: its interval includes chance." in told
    assert told.count("is not better than chance") == 2
    assert "finds more" not in told
    assert "\N{MINUS SIGN}39.0 points" in told


def test_what_was_measured_is_on_it(tmp_path: Path) -> None:
    text = written(tmp_path)
    for wanted in ("45.0", "200 queries, 500 database images", "39.0 / 58.1", "right within 25 m"):
        assert wanted in text


def test_of_the_papers_tables_there_is_what_was_run_here(tmp_path: Path) -> None:
    text = written(tmp_path)
    told = section(text, "paper")
    assert "Table II. " in told
    assert "Table I. " not in told
    assert "tokyo_night" in told and "sf_xs" not in told
    assert "not run" not in told
    # A sortable cell says by what it is sorted.
    assert 'class="ours" data-value="45.0"' in text
    assert 'class="paper" data-value="39.0"' in text


def test_there_is_a_card_for_each_headline(tmp_path: Path) -> None:
    material = made_material(tmp_path)
    both = {
        "the_city": {"before": "day", "after": "dn", "night": "tokyo_night", "day": "city"},
        "back": {"before": "dn", "after": "day", "night": "city", "day": "tokyo_night"},
    }
    headlines = read_headlines(both, material.results)
    write_page(tmp_path / "index.html", Material(**{**vars(material), "headlines": headlines}), 15)
    text = (tmp_path / "index.html").read_text()
    told = section(text, "headline")
    assert "the city By night, dn finds 15.0 points more than day" in told
    assert "back By night, day finds 15.0 points fewer than dn" in told
    assert "index" not in told
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert {"bars-1-title", "bars-2-title"} <= page.pointed_at


def test_a_headline_says_whose_index_is_kept(tmp_path: Path) -> None:
    params = {"asymmetric": {"dn": {"queries": "kept", "database": "<day>"}}}
    text = written(tmp_path, params=params)
    told = section(text, "headline")
    assert "By night, dn finds 15.0 points more than day , with the index of <day>" in told
    assert "The index of <day> is kept: dn describes only the queries." in told


def test_translators_are_on_it_with_their_numbers(tmp_path: Path) -> None:
    text = written(tmp_path, experiments=[], sheets=[], comparisons=["city_pitts"])
    page = Page(text)
    assert page.open == []
    assert len(page.pictures) == 1
    assert str(page.pictures[0]["alt"]).endswith("a column for each of: day, <i>city</i>, cyclegan")
    told = section(text, "translators")
    for wanted in ("PSNR, dB", "<i>city</i> unit 6 48.5 25.5 48 % 12.8 0.25 " + "d" * 64):
        assert wanted in told
    assert "cyclegan resnet 6 " in told
    assert 'style="min-width: 450px"' in text
    assert "cannot be used: weights/lost.pt is <empty>" in told
    assert "<i>" not in text


def test_without_true_nights_nothing_is_held_against_them(tmp_path: Path) -> None:
    material = made_material(tmp_path, experiments=[], sheets=[], comparisons=["street"])
    write_comparison(tmp_path / "compare" / "street", true_nights=False)
    write_page(tmp_path / "page.html", material, 15)
    assert "PSNR, dB" not in (tmp_path / "page.html").read_text()


def test_augmentation_sheets_are_on_it_with_their_changes_in_words(tmp_path: Path) -> None:
    (shown,) = Page(written(tmp_path, experiments=[], sheets=[], augmentations=["pitts"])).pictures
    assert shown["alt"] == "Training queries of pitts, one per row: plain; night, <i>; crop"


def test_what_comes_from_others_is_escaped(tmp_path: Path) -> None:
    params = {HOSTILE: {"raw": HOSTILE, "list": [HOSTILE]}}
    text = written(tmp_path, sheets=[], comparisons=["<b>c"], augmentations=["<b>a"], params=params)
    assert HOSTILE not in text
    assert "<b>" not in text
    # As the name of a section, and twice in it.
    assert text.count("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert Page(text).open == []


def test_origins_terms_refusals_and_parameters_are_told(tmp_path: Path) -> None:
    told = section(written(tmp_path, comparisons=["c"]), "origin")
    for wanted in (
        "a" * 64,
        "b" * 64,
        "street_night 11 unit c s cpu",
        "street_night: day images without a night image, 1",
        "is truncated after 300 bytes 1 images/train/database/@",
        "lost, a translator compared on c: weights/lost.pt is <empty>",
        "cpu, float32, 2 threads evaluation of dn, evaluation of day",
        "sets shards_above: 5",
    ):
        assert wanted in told


def test_without_experiments_and_sheets_it_says_so(tmp_path: Path) -> None:
    text = written(tmp_path, experiments=[], sheets=[])
    assert "No experiment has been evaluated" in text
    assert "Refused" not in text


def test_a_section_that_holds_nothing_is_not_shown(tmp_path: Path) -> None:
    told = section(written(tmp_path, params={"sets": {"shards_above": 5}, "train_unit": {}}), "origin")
    assert "sets shards_above: 5" in told
    assert "train_unit" not in told


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (written(tmp_path / name, comparisons=["c"], augmentations=["x"]) for name in ("a", "b"))
    assert one == other
    assert str(tmp_path) not in one


def test_sets_are_shown_with_their_counts_and_figures(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert text.count("data:image/svg+xml;base64,") == 4
    assert "Map of the positions of street &lt;b&gt;; its numbers are above" in text
    told = section(text, "sets")
    # Split by split and role by role, all, standpoints, and days that have no night.
    assert "street <b> 6 0 0 0 6 0 12 6 \N{EN DASH}" in told
    assert "street_night 5 0 0 0 6 0 11 6 1" in told


def test_a_page_that_would_be_too_large_is_refused(tmp_path: Path) -> None:
    material = made_material(tmp_path)
    with pytest.raises(
        ParameterError, match=r"the page would have 0\.\d MB, but report\.megabytes is"
    ) as raised:
        write_page(tmp_path / "index.html", material, 0.01)
    assert "raise report.megabytes" in raised.value.hint
    assert not (tmp_path / "index.html").exists()


@pytest.mark.parametrize("spare", [0, 3_000, 9_000, 30_000])
def test_pairs_and_finds_keep_the_page_within_its_limit(tmp_path: Path, spare: int) -> None:
    material = made_material(tmp_path)
    with pytest.raises(ParameterError) as raised:
        write_page(tmp_path / "index.html", material, 0.001)
    least = float(re.findall(r"[\d.]+(?= MB)", str(raised.value))[0]) + 0.05
    limit = least + spare / 1e6
    write_page(tmp_path / "index.html", material, limit)
    assert (tmp_path / "index.html").stat().st_size <= round(limit * 1e6)


def test_the_limit_is_a_size() -> None:
    with pytest.raises(ParameterError, match=r"megabytes must be above 0 \(millions of bytes\), not 0"):
        build(PageParams, {"megabytes": 0}, "report")
    with pytest.raises(ParameterError, match=r"report\.megabytes must be float, not 'much'"):
        build(PageParams, {"megabytes": "much"}, "report")


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("sheets", r"other/sheet\.csv"),
        ("comparisons", r"other/measures\.csv"),
        ("statistics", r"other/statistics\.json"),
        ("augmentations", r"other\.jpg"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, field: str, file: str) -> None:
    material = made_material(tmp_path, experiments=[], sheets=[])
    missing: Any = tmp_path / "other"
    if field == "augmentations":
        missing = Augmentations("other", tmp_path / "other.jpg", ())
    with pytest.raises(MissingInputError, match=file):
        write_page(tmp_path / "index.html", Material(**{**vars(material), field: [missing]}), 15)
