"""The sections that answer to their reader, in a real browser, on made-up nights and evaluations."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from pipeline.report.page.matches import browsed_matches
from pipeline.report.page.pairs import pairs_of
from pipeline.report.sets.sheet import write_sheet
from pipeline.report.tables.results import read_results
from tests.browser import browser_page
from tests.report.alone import write_alone
from tests.report.made_up import write_day_and_night
from tests.report.made_up_finds import HOSTILE, WORST_FIRST, query_name, write_street
from tests.report.sets.test_sheet import true_nights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    for experiment in ("dn", "day"):
        for test_set in ("pitts", "tokyo"):
            write_street(root / "results", experiment, test_set)
    # Everything is right but the answer to query 3.
    write_street(root / "results", "day", "tokyo", (1, 1, 1, 2, 1, 1, 1, 1))
    results = read_results(root / "results", ["dn", "day"], ["pitts", "tokyo"])
    day, night = write_day_and_night(root)
    write_sheet(root / "one_night", day, night, 3, true_nights)
    write_sheet(root / "other_night", day, night, 2, None)
    pairs = pairs_of([root / "one_night", root / "other_night"], 10**7)
    return write_alone(root / "page.html", pairs, browsed_matches(results, 10**7))


def shown_pairs(page: Page) -> int:
    return page.locator(".pair:visible").count()


def choose_pairs(page: Page, key: str, value: str) -> None:
    page.locator(f"#nights [data-key={key}]").select_option(value)


def cut(pair: Locator) -> int:
    return int(pair.locator("input[type=range]").input_value())


def said(page: Page) -> str:
    return page.locator("#finds-said").inner_text()


def chosen_query(page: Page) -> str:
    return said(page).partition("Query ")[2]


def choose(page: Page, name: str, label: str) -> None:
    page.locator(f"#finds [name={name}]").select_option(label=label)


def listed(page: Page) -> list[str]:
    return page.locator("#finds [name=answer] option").all_inner_texts()


def test_a_slider_moves_by_key(html: Path) -> None:
    with browser_page(html) as page:
        pair = page.locator(".pair").first
        assert cut(pair) == 50
        handle = pair.locator("input[type=range]")
        handle.focus()
        page.keyboard.press("ArrowRight")
        assert cut(pair) == 51
        page.keyboard.press("Home")
        assert cut(pair) == 0
        assert (
            pair.locator(".over").evaluate("over => getComputedStyle(over).clipPath")
            == "inset(0px 100% 0px 0px)"
        )
        assert handle.get_attribute("aria-valuetext") == "0 % day, 100 % our night"


def test_a_slider_moves_by_mouse_over_the_picture(html: Path) -> None:
    with browser_page(html) as page:
        pair = page.locator(".pair").nth(1)
        box = pair.locator(".seen").bounding_box()
        assert box
        x, y = box["x"], box["y"] + box["height"] / 2
        page.mouse.move(x + 0.2 * box["width"], y)
        page.mouse.down()
        assert cut(pair) == pytest.approx(20, abs=1)
        page.mouse.move(x + 0.8 * box["width"], y)
        assert cut(pair) == pytest.approx(80, abs=1)
        page.mouse.up()
        page.mouse.move(x + 0.3 * box["width"], y)
        assert cut(pair) == pytest.approx(80, abs=1)
        assert cut(page.locator(".pair").first) == 50


def test_the_true_night_is_a_third_choice(html: Path) -> None:
    with browser_page(html) as page:
        pair = page.locator(".pair").first
        under, over = pair.locator(".under span"), pair.locator(".over span")
        assert (over.inner_text(), under.inner_text()) == ("day", "our night")
        pair.locator("select").select_option(label="our night | true night")
        assert (over.inner_text(), under.inner_text()) == ("our night", "true night")
        assert pair.locator(".seen div:visible").count() == 2
        # The other set has none.
        assert page.locator(".pair[data-set=other_night] select").count() == 0


def test_filters_change_which_pairs_are_shown(html: Path) -> None:
    with browser_page(html) as page:
        count = page.locator("#nights output")
        assert (shown_pairs(page), count.inner_text()) == (10, "10 of 10 pairs")
        choose_pairs(page, "set", "other_night")
        assert (shown_pairs(page), count.inner_text()) == (4, "4 of 10 pairs")
        choose_pairs(page, "split", "train")
        assert shown_pairs(page) == 2
        choose_pairs(page, "set", "")
        choose_pairs(page, "split", "")
        choose_pairs(page, "place", "584005 E, 4477000 N")
        places = page.locator(".pair:visible").evaluate_all("pairs => pairs.map(pair => pair.dataset.place)")
        assert set(places) == {"584005 E, 4477000 N"}
        choose_pairs(page, "place", "")
        page.locator("#nights [type=search]").fill("TEST/")
        assert shown_pairs(page) == 5
        page.locator("#nights [type=search]").fill("nothing has this name")
        assert (shown_pairs(page), count.inner_text()) == (0, "0 of 10 pairs")


def test_pairs_can_stand_side_by_side(html: Path) -> None:
    with browser_page(html) as page:
        page.get_by_label("side by side").check()
        pair = page.locator(".pair").first
        assert pair.locator(".seen div:visible").count() == 3
        assert not pair.locator("input[type=range]").is_visible()


def test_the_worst_answer_comes_first(html: Path) -> None:
    with browser_page(html) as page:
        texts = listed(page)
        assert len(texts) == 8
        for text, query in zip(texts, WORST_FIRST, strict=False):
            assert text.endswith(query_name(query).removeprefix("images/test/"))
        assert [text.split(" · ")[0] for text in texts] == [
            "✗ never",
            "✗ never",
            "✗ at 5",
            "✗ at 2",
            *["✓"] * 4,
        ]
        choose(page, "order", "best first")
        assert listed(page) == texts[::-1]
        choose(page, "order", "by name")
        names = [text.split(" · ")[2] for text in listed(page)]
        assert names == sorted(names)


def test_keys_go_to_the_next_and_the_previous_answer(html: Path) -> None:
    with browser_page(html) as page:
        assert chosen_query(page) == query_name(WORST_FIRST[0])
        assert page.locator("#finds [name=previous]").is_disabled()
        page.locator("#finds .answer").focus()
        page.keyboard.press("ArrowRight")
        assert chosen_query(page) == query_name(WORST_FIRST[1])
        page.locator("#finds [name=next]").click()
        assert chosen_query(page) == query_name(WORST_FIRST[2])
        page.locator("#finds .answer").focus()
        page.keyboard.press("ArrowLeft")
        assert chosen_query(page) == query_name(WORST_FIRST[1])
        assert page.locator("#finds output").inner_text() == "2 of 8; 4 of 8 queries are right"
        page.locator("#finds [name=answer]").focus()
        page.keyboard.press("End")
        assert page.locator("#finds output").inner_text().startswith("8 of 8")
        assert page.locator("#finds [name=next]").is_disabled()


def test_right_and_wrong_finds_are_told_apart_without_colour(html: Path) -> None:
    with browser_page(html) as page:
        choose(page, "order", "by name")
        choose(page, "answer", listed(page)[1])
        heads = page.locator("#finds .finds b").all_inner_texts()
        assert heads == [
            "query",
            "nearest image",
            "✗ 1 wrong",
            "✓ 2 right",
            "✗ 3 wrong",
            "✗ 4 wrong",
            "✗ 5 wrong",
        ]
        styles = page.locator("#finds .finds .picture").evaluate_all(
            "pictures => pictures.map(picture => getComputedStyle(picture).borderTopStyle)"
        )
        assert styles == ["solid", "solid", "dashed", "solid", "dashed", "dashed", "dashed"]
        assert "1 wrong, 40.1 m away; 2 right, 3.0 m away" in said(page)
        assert page.locator("#finds .finds figure.wrong").first.inner_text().split("\n")[-2:] == [
            "40.1 m",
            "descriptors 0.101",
        ]
        assert page.locator("#finds .finds img").evaluate_all(
            "images => images.every(image => image.naturalWidth > 0)"
        )


def test_answers_can_be_chosen_by_kind_experiment_and_set(html: Path) -> None:
    with browser_page(html) as page:
        choose(page, "kind", "right")
        assert [text[0] for text in listed(page)] == ["✓"] * 4
        choose(page, "kind", "wrong")
        assert [text[0] for text in listed(page)] == ["✗"] * 4
        choose(page, "set", "tokyo")
        assert len(listed(page)) == 4
        choose(page, "experiment", "day")
        assert len(listed(page)) == 1
        assert chosen_query(page) == query_name(3)
        choose(page, "kind", "all")
        assert page.locator("#finds output").inner_text() == "1 of 8; 7 of 8 queries are right"
        assert chosen_query(page) == query_name(3)


def test_where_there_is_no_answer_or_no_picture_it_says_so(tmp_path: Path) -> None:
    write_street(tmp_path, "dn", "pitts", (1,) * 8, pictured=2)
    finds = browsed_matches(read_results(tmp_path, ["dn"], ["pitts"]), 10**7)
    with browser_page(write_alone(tmp_path / "page.html", pairs_of([], 0), finds)) as page:
        choose(page, "kind", "wrong")
        assert said(page) == "There is no such query."
        assert page.locator("#finds .finds figure").count() == 0
        assert page.locator("#finds .map svg").count() == 1
        choose(page, "kind", "right")
        choose(page, "order", "by name")
        assert page.locator("#finds .finds img").count() == 7
        choose(page, "answer", listed(page)[7])
        assert "no image" in page.locator("#finds .asked").inner_text()
        # Of its finds two were found for others that have images.
        assert page.locator("#finds .finds img").count() == 2
        choose(page, "kind", "with images")
        assert len(listed(page)) == 2


def test_the_map_shows_the_finds_of_the_chosen_query(html: Path) -> None:
    with browser_page(html) as page:
        choose(page, "order", "by name")
        choose(page, "answer", listed(page)[1])
        assert page.locator("#finds .map path.to").count() == 5
        assert page.locator("#finds .map path.to.right").count() == 1
        assert " ".join(page.locator("#finds .map text.rank").all_text_contents()).split() == [
            *("1✗", "2✓", "3✗", "4✗", "5✗"),
        ]
        drawn = "path => getComputedStyle(path).strokeDasharray"
        assert page.locator("#finds .map path.to.wrong").first.evaluate(drawn) != "none"
        assert page.locator("#finds .map path.to.right").evaluate(drawn) == "none"


def test_the_map_is_one_to_one_with_a_scale(html: Path) -> None:
    with browser_page(html) as page:
        path = page.locator("#finds .map .standpoints").get_attribute("d")
        assert path
        points = [tuple(map(float, part.removesuffix("h0").split())) for part in path.split("M")[1:]]
        assert len(points) == 8
        # Five east in a row 160 m long, then three north.
        wide = max(x for x, _ in points) - min(x for x, _ in points)
        high = max(y for _, y in points) - min(y for _, y in points)
        assert wide / high == pytest.approx(160 / 120, rel=0.01)
        (scale, north) = page.locator("#finds .map text:not(.rank)").all_text_contents()
        assert north == "N"
        bar = page.locator("#finds .map .scale").first.evaluate("bar => bar.getBBox().width")
        assert bar / float(scale.removesuffix(" m")) == pytest.approx(wide / 160, rel=0.02)


def test_a_click_on_the_map_chooses_a_query_and_a_choice_shows_on_it(html: Path) -> None:
    with browser_page(html) as page:
        chart, ring = page.locator("#finds .map"), page.locator("#finds .map .chosen")
        places = {}
        for text in listed(page):
            choose(page, "answer", text)
            frame, box = chart.bounding_box(), ring.bounding_box()
            assert frame
            assert box
            middle = (box["x"] + box["width"] / 2 - frame["x"], box["y"] + box["height"] / 2 - frame["y"])
            places[chosen_query(page)] = middle
        assert len(set(places.values())) == 8
        for query in (query_name(2), query_name(7)):
            chart.click(position={"x": places[query][0], "y": places[query][1]})
            assert chosen_query(page) == query
            chosen = page.locator("#finds [name=answer] option:checked").inner_text()
            assert chosen.endswith(query.removeprefix("images/test/"))


def test_arrow_keys_on_the_map_go_to_the_next_query_that_way(html: Path) -> None:
    with browser_page(html) as page:
        choose(page, "order", "by name")
        choose(page, "answer", listed(page)[0])
        assert chosen_query(page) == query_name(0)
        page.locator("#finds .map").focus()
        for key, query in [
            ("ArrowRight", 1),
            ("ArrowRight", 2),
            ("ArrowLeft", 1),
            ("ArrowUp", 7),
            ("ArrowDown", 6),
        ]:
            page.keyboard.press(key)
            assert chosen_query(page) == query_name(query), key
        page.keyboard.press("Enter")
        assert chosen_query(page) == query_name(6)


def test_the_map_can_look_around_the_query(html: Path) -> None:
    with browser_page(html) as page:
        choose(page, "order", "by name")
        choose(page, "answer", listed(page)[3])
        wide = page.locator("#finds .map .radius").evaluate("circle => circle.getBBox().width")
        page.locator("#finds [name=view]").press("Enter")
        assert page.locator("#finds [name=view]").get_attribute("aria-pressed") == "true"
        assert page.locator("#finds .map .radius").evaluate("circle => circle.getBBox().width") > wide
        page.locator("#finds [name=view]").press("Enter")
        assert page.locator("#finds .map .radius").evaluate("circle => circle.getBBox().width") == wide


def test_hostile_names_are_shown_as_they_are(html: Path) -> None:
    with browser_page(html) as page:
        assert HOSTILE in chosen_query(page)
        assert HOSTILE in listed(page)[0]
        assert page.locator("b[onclick]").count() == 0


@pytest.mark.parametrize("dark", [False, True])
def test_a_narrow_window_shows_everything_without_scrolling_sideways(html: Path, *, dark: bool) -> None:
    with browser_page(html, width=390, height=844, dark=dark, mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#finds .map svg").is_visible()
        box = page.locator("#finds .map").bounding_box()
        assert box
        assert box["width"] > 300
        pair = page.locator(".pair").first.locator(".seen")
        pair.tap(position={"x": 40, "y": 40})
        assert cut(page.locator(".pair").first) < 20
        colours = page.locator("#finds .answer").evaluate(
            "answer => [getComputedStyle(answer).backgroundColor, getComputedStyle(answer).color]"
        )
        paper, ink = (sum(map(int, colour.removeprefix("rgb(").rstrip(")").split(","))) for colour in colours)
        assert (paper < ink) == dark


def test_without_scripts_pairs_and_the_worst_answers_can_be_read(html: Path) -> None:
    with browser_page(html, scripts=False) as page:
        assert shown_pairs(page) == 10
        assert page.locator(".pair").first.locator("img:visible").count() == 3
        assert "first match 166 m away; no right match" in page.locator("#finds noscript").inner_text()
        assert not page.locator(".browser").is_visible()
        assert not page.locator("#nights .controls").is_visible()
