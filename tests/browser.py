"""The report's page in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

# In a container there is no sandbox for root, no GPU, and little shared memory.
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_OF_THE_DISK = ("file:", "data:", "blob:")


def _chromium() -> str:
    found = shutil.which("chromium")
    assert found, "no chromium to open the page with; install it with: apt-get install -y chromium"
    return found


@contextlib.contextmanager
def browser_page(
    html: Path,
    width: int = 1280,
    height: int = 900,
    *,
    dark: bool = False,
    mobile: bool = False,
    scripts: bool = True,
) -> Iterator[Page]:
    """Open `html` from the disk in a window of `width` x `height` pixels and give its page.

    dark: the colours that the machine asks for. mobile: a touch screen with two pixels a point. scripts:
    whether the page's own may run. When the block ends well it still fails on an error or a warning on the
    console, on an error of a script, and on a request that is not of the disk; a missing chromium is a
    failure too, never a skip.
    """
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(f"console {message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith(_OF_THE_DISK):
            wrong.append(f"request: {request.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=_ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=mobile,
            has_touch=mobile,
            java_script_enabled=scripts,
            device_scale_factor=2 if mobile else 1,
        )
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
        page.on("request", asked)
        # What does not come in this time does not come; the page needs no network.
        page.set_default_timeout(10_000)
        page.goto(html.resolve().as_uri())
        yield page
        browser.close()
    assert wrong == [], f"{html}: {wrong}"
