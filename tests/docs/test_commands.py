"""Every command of the pages that one machine can run, run as its reader does."""

from __future__ import annotations

import pytest

from tests.docs.pages import Page, pages
from tests.docs.walk import Walk

pytestmark = pytest.mark.slow

WALKED = [page.name for page in pages() if any(block.mark.startswith("run") for block in page.blocks)]


@pytest.mark.parametrize("name", WALKED)
def test_what_a_page_tells_to_type_does_what_it_says(name: str, walk: Walk) -> None:
    walk.through(Page.read(name))
