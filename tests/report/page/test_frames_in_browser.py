"""The page in a real browser tells of a walk, whose positions count frames, in frames and never in metres."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from pipeline.report.page.matches import browsed_matches
from pipeline.report.page.page import Material, write_page
from pipeline.report.page.pairs import pairs_of
from pipeline.report.sets.set_record import write_set_record
from pipeline.report.sets.statistics import write_statistics
from pipeline.report.tables.results import read_results
from pipeline.vpr.results.metrics import read_metrics, write_metrics
from tests.browser import browser_page
from tests.datasets.walks import made_walks, make_walks
from tests.report import made_up_finds
from tests.report.alone import write_alone
from tests.report.made_up_finds import write_street
from tests.vpr.evaluation.test_evaluation_frames import measured

pytestmark = pytest.mark.slow

FRAMES = 60
RADIUS = 3
IN_METRES = re.compile(r"\d\s?k?m\b|\bmet(er|re)s?\b|\bUTM\b")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole page of a walk that was formatted, evaluated and counted as the pipeline does it."""
    root = tmp_path_factory.mktemp("walk")
    walk = made_walks(make_walks(root / "raw", range(FRAMES)), root / "walk")
    measured(walk, root, RADIUS)
    (root / "results" / "day").mkdir(parents=True)
    (root / "out").rename(root / "results" / "day" / "walk")
    write_statistics(root / "statistics" / "walk", walk, 4, workers=1)
    write_set_record(root / "statistics" / "walk", walk)
    material = Material(
        params={},
        results=read_results(root / "results", ["day"], ["walk"]),
        headlines=(),
        compared=[],
        sheets=[],
        comparisons=[],
        augmentations=[],
        statistics=[root / "statistics" / "walk"],
    )
    write_page(root / "index.html", material, 15)
    return root / "index.html"


def said(page: Page, place: str) -> str:
    """Words of a place of the page, also those that are folded away, white space as single blanks."""
    return " ".join((page.locator(place).text_content() or "").split())


def scale(page: Page) -> str:
    return page.locator("#finds .map .scale + text").first.text_content() or ""


def test_sets_tell_their_extent_and_draw_their_map_in_frames(html: Path) -> None:
    with browser_page(html) as page:
        page.locator("#sets summary").click()
        assert f"{FRAMES} positions on {FRAMES - 1} x 0 frames;" in page.locator("#sets details").inner_text()
        figure = page.locator("#sets img").first
        assert figure.evaluate("image => image.complete && image.naturalWidth > 0")
        drawn = b64decode((figure.get_attribute("src") or "").partition("base64,")[2]).decode()
    assert f"{FRAMES - 1} frames from west to east" in drawn
    assert re.search(r">10 frames</text>", drawn)
    assert not IN_METRES.search(re.sub(r"<[^>]*>", " ", drawn))


def test_finds_and_their_map_tell_distances_in_frames(html: Path) -> None:
    with browser_page(html) as page:
        assert f"Right is within {RADIUS} frames: the dotted circle." in said(page, "#finds .counted")
        assert scale(page) == "10 frames"
        listed = page.locator("#finds [name=answer] option").all_inner_texts()
        assert len(listed) == FRAMES
        assert all(re.fullmatch(r"\d+ frames", text.split(" · ")[1]) for text in listed)
        captions = page.locator("#finds .finds figcaption").all_inner_texts()
        assert [text.count(" frames") for text in captions] == [0, 1, 1, 1, 1, 1, 1]
        told = said(page, "#finds-said")
        assert "nearest image 0 frames away. Matches: 1 " in told
        assert len(re.findall(r"\d frames away", told.partition("Matches: ")[2])) == 5
        page.get_by_role("button", name="around the query").click()
        assert re.fullmatch(r"\d+ frames", scale(page))


@pytest.mark.parametrize("scripts", [True, False])
def test_no_word_of_the_page_tells_of_metres(html: Path, *, scripts: bool) -> None:
    with browser_page(html, scripts=scripts) as page:
        # Also what is folded away, and where no script runs what is told then; but no data.
        page.locator("script").evaluate_all("scripts => scripts.forEach(script => script.remove())")
        words = said(page, "body")
    assert f"right within {RADIUS} frames, inclusive" in words
    assert scripts or re.search(r"first match \d+ frames away", words)
    assert not (found := IN_METRES.search(words)), words[found.start() - 60 : found.end() + 20]


def test_units_are_those_of_the_chosen_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So long that metres would be told in kilometres.
    monkeypatch.setattr(made_up_finds, "SPACING", 4000.0)
    write_street(tmp_path, "dn", "pitts")
    folder = write_street(tmp_path, "dn", "walk")
    write_metrics(folder, replace(read_metrics(folder), positions_in="frames"))
    finds = browsed_matches(read_results(tmp_path, ["dn"], ["pitts", "walk"]), 10**7)
    with browser_page(write_alone(tmp_path / "page.html", pairs_of([], 0), finds)) as page:
        for name, length, radius in (("pitts", "2 km", "25 m"), ("walk", "2000 frames", "25 frames")) * 2:
            page.locator("#finds [name=set]").select_option(label=name)
            assert scale(page) == length
            assert f"within {radius}:" in said(page, "#finds .counted")
            assert f"nearest image {'3.0 m' if name == 'pitts' else '3 frames'} away" in said(
                page, "#finds-said"
            )
