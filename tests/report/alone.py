"""A page of the interactive sections alone, under the rules that the whole page sets itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.core.files import write_text
from pipeline.report.page.matches import Matches
from pipeline.report.page.pairs import Pairs
from tests.import_graph import ROOT

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>alone</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>{% include "page.css" %}{% include "nights.css" %}{% include "finds.css" %}</style></head>
<body><main>{% include "nights.html" %}{% include "finds.html" %}</main>
<script>{% include "nights.js" %}{% include "finds.js" %}</script></body></html>"""


def write_alone(path: Path, pairs: Pairs, finds: Matches) -> Path:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "pipeline" / "report" / "page" / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    write_text(path, environment.from_string(_PAGE).render(pairs=pairs, finds=finds))
    return path
