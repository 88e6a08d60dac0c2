"""The page in a real browser: it opens, sorts, draws and fits; an error on the console fails each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from pipeline.core.files import write_bytes
from pipeline.night.comparison.comparison_files import SHEET
from pipeline.report.page.page import write_page
from tests.browser import browser_page
from tests.report.made_up import picture
from tests.report.page.test_page import HOSTILE, made_material

pytestmark = pytest.mark.slow

PHONE = 360


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every section. Not to be changed."""
    root = tmp_path_factory.mktemp("page")
    material = made_material(
        root, ("dn", "day", "gem"), comparisons=["c"], augmentations=["a"], params={HOSTILE: {"a": HOSTILE}}
    )
    write_page(root / "index.html", material, 15)
    return root / "index.html"


@pytest.fixture
def page(html: Path) -> Iterator[Page]:
    with browser_page(html) as opened:
        yield opened


def heading(table: Locator, name: str, which: int = 0) -> Locator:
    return table.get_by_role("button", name=name, exact=True).nth(which)


def rows(table: Locator, column: int) -> list[str]:
    """The first line of a column's cells, from above."""
    cells = table.locator(f"tbody tr > :nth-child({column})")
    return [text.strip().splitlines()[0] for text in cells.all_inner_texts()]


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_a_click_sorts_by_a_column_and_another_the_other_way_round(page: Page) -> None:
    table = page.locator("#recall table").first
    assert rows(table, 1) == ["dn", "day", "gem"]
    heading(table, "R@1").click()
    assert rows(table, 2) == ["45.0", "30.0", "15.0"]
    column = table.locator("th", has=page.get_by_role("button", name="R@1", exact=True))
    assert column.get_attribute("aria-sort") == "descending"
    heading(table, "R@1").click()
    assert rows(table, 2) == ["15.0", "30.0", "45.0"]
    assert column.get_attribute("aria-sort") == "ascending"
    heading(table, "experiment").click()
    assert rows(table, 1) == ["day", "dn", "gem"]
    assert column.get_attribute("aria-sort") == "none"
    # Chance is not an experiment and stays below.
    assert table.locator("tfoot th").inner_text() == "chance"


def test_tables_sort_by_keyboard(page: Page) -> None:
    table = page.locator("#recall table").first
    heading(table, "experiment").focus()
    page.keyboard.press("Enter")
    assert rows(table, 1) == ["day", "dn", "gem"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "R@1"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is seen to have it"
    page.keyboard.press("Space")
    assert rows(table, 1) == ["dn", "day", "gem"]


def test_the_papers_tables_sort(page: Page) -> None:
    table = page.locator("#paper table")
    heading(table, "paper").click()
    assert rows(table, 5) == ["39.0 / 58.1", "21.0 / 43.8"]
    heading(table, "ours").click()
    assert rows(table, 4) == ["45.0 / 60.0", "30.0 / 45.0"]
    heading(table, "ours").click()
    assert rows(table, 4) == ["30.0 / 45.0", "45.0 / 60.0"]
    heading(table, "row").click()
    assert rows(table, 1) == ["Pitts30k", "Pitts30k_dn"]


def test_a_translator_that_cannot_be_used_comes_last_in_any_order(page: Page) -> None:
    table = page.locator("#translators table")
    for name in ("brightness", "PSNR, dB", "brightness"):
        heading(table, name).click()
        assert rows(table, 1)[-1] == "lost"


def test_the_theme_is_the_machines_until_the_button_says_otherwise(html: Path) -> None:
    papers = {}
    for dark in (False, True):
        with browser_page(html, dark=dark) as page:
            button = page.get_by_role("button", name="Dark")
            assert button.get_attribute("aria-pressed") == str(dark).lower()
            papers[dark] = background(page)
            button.focus()
            page.keyboard.press("Enter")
            assert button.get_attribute("aria-pressed") == str(not dark).lower()
            changed = background(page)
            button.click()
            assert background(page) == papers[dark]
            # Nothing is remembered outside the page.
            button.click()
            assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
            page.reload()
            assert background(page) == papers[dark]
            papers[not dark] = papers.get(not dark, changed)
            assert papers[not dark] == changed
    assert papers[False] != papers[True]


def test_figures_of_sets_follow_the_theme(page: Page) -> None:
    figure = page.locator("#sets img").first
    page.locator("#sets summary").first.click()
    light = figure.screenshot()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.querySelector('#sets img')).colorScheme") == "dark"
    assert figure.screenshot() != light


def test_curves_are_shown_and_hidden_by_keyboard(page: Page) -> None:
    curves = page.locator('g[data-curve="1"]')
    assert [curve.is_visible() for curve in curves.all()] == [True, True]
    page.get_by_role("checkbox", name="day").focus()
    page.keyboard.press("Space")
    assert [curve.is_visible() for curve in curves.all()] == [False, False]
    assert page.locator('g[data-curve="0"]').first.is_visible()
    page.get_by_role("button", name="Hide all").click()
    assert not page.locator("g[data-curve]:not([hidden])").count()
    page.get_by_role("button", name="Show all").click()
    assert not page.locator("g[data-curve][hidden]").count()


def test_of_many_experiments_those_of_the_headline_are_drawn_first(tmp_path: Path) -> None:
    material = made_material(tmp_path, ("dn", "day", *(f"e{number}" for number in range(8))), sheets=())
    write_page(tmp_path / "index.html", material, 15)
    with browser_page(tmp_path / "index.html") as page:
        drawn = page.locator("#recall .card").first.locator("g[data-curve]:not([hidden])")
        assert [curve.get_attribute("data-curve") for curve in drawn.all()] == ["0", "1"]
        page.get_by_role("checkbox", name="e3").check()
        assert drawn.count() == 3


@pytest.mark.parametrize("width", [PHONE, 390, 768, 1200])
def test_the_page_is_never_wider_than_its_window(html: Path, width: int) -> None:
    with browser_page(html, width=width, mobile=width < 600) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Wide tables and sheets move inside their box, which the keyboard reaches.
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        wide = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)"
            ".map((box) => box.tabIndex)"
        )
        assert set(wide) <= {0}
        if width == PHONE:
            # They say so, and fade where more of them lies.
            box = page.locator("#paper .scroll").first
            assert box.get_attribute("data-more") == "right"
            said = box.evaluate("(one) => getComputedStyle(one, '::before').content")
            assert "scroll sideways" in said
            assert "linear-gradient" in box.evaluate("(one) => getComputedStyle(one).maskImage")
            assert len(wide) > 5
            page.locator("#paper .scroll").first.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(400)
            assert page.locator("#paper .scroll").first.get_attribute("data-more") == "left right"
            assert page.evaluate("document.querySelector('#paper .scroll').scrollLeft") > 0


def test_words_in_drawings_are_large_enough_to_read_on_a_phone(html: Path) -> None:
    with browser_page(html, width=PHONE, mobile=True) as page:
        heights = page.evaluate(
            "[...document.querySelectorAll('#headline svg text, #recall .card > svg text')]"
            ".map((one) => one.getBoundingClientRect().height)"
        )
        assert len(heights) > 20
        assert min(heights) > 9


def test_drawings_are_told_in_words(page: Page) -> None:
    names = [
        svg.get_attribute("aria-labelledby")
        for svg in page.locator("#headline svg[role=img], #recall svg[role=img]").all()
    ]
    assert len(names) == 3
    for name in names:
        for one in str(name).split():
            assert page.locator(f"#{one}").text_content()
    assert page.get_by_role("img", name="recall@1 before and after, with 95 % intervals").count() == 1


def test_a_digest_is_short_and_whole_when_it_is_taken(page: Page) -> None:
    digest = page.locator("#origin .digest").first
    box = digest.bounding_box()
    assert box is not None and box["width"] < 140
    digest.click()
    assert page.evaluate("getSelection().toString()") == "b" * 64
    page.evaluate("getSelection().removeAllRanges()")
    page.locator("#origin .digest").nth(1).focus()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("getSelection().toString()") == "b" * 64
    box = digest.bounding_box()
    assert box is not None and box["width"] > 300


def test_links_lead_to_their_sections_and_mark_them(page: Page) -> None:
    page.get_by_role("link", name="The paper").click()
    page.locator(".bar a[aria-current]", has_text="The paper").wait_for()
    top = page.locator("#paper h2").bounding_box()
    assert top is not None and 40 < top["y"] < 400, "not below the bar"


def test_links_lead_there_past_sheets_that_nobody_has_looked_at(tmp_path: Path) -> None:
    material = made_material(tmp_path, comparisons=("c",), augmentations=("a",))
    for sheet in (tmp_path / "compare" / "c" / SHEET, tmp_path / "augmentations" / "a.jpg"):
        write_bytes(sheet, picture(90, 1200, 3000))
    write_page(tmp_path / "index.html", material, 15)
    with browser_page(tmp_path / "index.html") as page:
        page.get_by_role("link", name="Retrieved images").click()
        page.locator(".bar a[aria-current]", has_text="Retrieved images").wait_for()
        page.wait_for_timeout(300)
        top = page.locator("#finds h2").bounding_box()
        assert top is not None and 40 < top["y"] < 400, "not below the bar"


def test_without_scripts_it_is_a_page_to_read(html: Path) -> None:
    with browser_page(html, scripts=False) as page:
        assert page.get_by_role("button").count() == 0
        assert page.get_by_role("checkbox").count() == 0
        assert page.locator("header noscript").inner_text().startswith("Without JavaScript")
        assert page.locator("#paper table").count() == 1
        assert page.locator("#recall g[data-curve]").first.is_visible()


def test_names_are_words_and_never_scripts(page: Page) -> None:
    page.locator("#origin summary", has_text="Parameters").click()
    assert page.locator("#origin details.section summary").inner_text() == HOSTILE
    assert page.locator("script:not([type])").count() == 1
