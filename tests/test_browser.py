from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import browser_page

pytestmark = pytest.mark.slow


def written(folder: Path, body: str) -> Path:
    (folder / "page.html").write_text(f"<!doctype html><meta charset=utf-8><title>x</title>{body}")
    return folder / "page.html"


def test_a_page_without_faults_is_opened_as_asked(tmp_path: Path) -> None:
    html = written(tmp_path, "<p>whole</p><img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
    with browser_page(html, width=390, height=700, dark=True, mobile=True) as page:
        assert page.locator("p").inner_text() == "whole"
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert page.evaluate("navigator.maxTouchPoints") > 0


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<script>console.error('broken')</script>", "console error: broken"),
        ("<script>console.warn('doubtful')</script>", "console warning: doubtful"),
        ("<script>throw new Error('thrown')</script>", "script: thrown"),
        ("<img src='http://127.0.0.1:9/a.png'>", "request: http://127.0.0.1:9/a.png"),
    ],
)
def test_a_page_at_fault_fails(tmp_path: Path, body: str, what: str) -> None:
    with pytest.raises(AssertionError, match=what), browser_page(written(tmp_path, body)) as page:
        page.wait_for_load_state("networkidle")


def test_without_a_chromium_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(AssertionError, match="apt-get install -y chromium"),
        browser_page(written(tmp_path, "")),
    ):
        pass
