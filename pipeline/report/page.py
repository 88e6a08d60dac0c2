"""One self-contained page: recalls, curves, ours beside the paper's, sets, nights, translators, finds."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.core.files import require_file, write_text
from pipeline.night.compared import SHEET, Measured, read_measures
from pipeline.report import charts, tables
from pipeline.report.comparison import ComparedTable
from pipeline.report.finds import finds_of
from pipeline.report.pairs import pairs_of
from pipeline.report.results import Results
from pipeline.report.statistics import BRIGHTNESS, MAP, Statistics, read_statistics

PAGE = "index.html"
# Bytes for pairs and finds.
_ROOM = 14_000_000
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class _Comparison:
    name: str
    folder: Path
    measured: tuple[Measured, ...]

    @property
    def true_nights(self) -> bool:
        return any(row.psnr is not None for row in self.measured)


@dataclass(frozen=True)
class _Set:
    name: str
    folder: Path
    statistics: Statistics


def write_page(
    out: Path,
    results: Results,
    compared: tuple[ComparedTable, ...],
    sheets: Sequence[Path],
    comparisons: Sequence[Path],
    statistics: Sequence[Path],
) -> None:
    """Write the page `out`, with every picture inside it: it opens from the disk and needs no network.

    `sheets`, `comparisons` and `statistics` are the folders of samples of nights, of translators compared and
    of sets in numbers; errors as `pairs_of`, `read_measures`, `read_statistics` and `finds_of`.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "data_uri": _data_uri,
        "with_interval": tables.with_interval,
        "counts_in_words": tables.counts_in_words,
        "column_in_words": tables.column_in_words,
    }
    page = environment.get_template("page.html").render(
        results=results,
        compared=compared,
        charts=charts.recall_charts(results),
        width=charts.WIDTH,
        height=charts.HEIGHT,
        pairs=pairs_of(sheets, _ROOM // 3),
        comparisons=[_Comparison(folder.name, folder, read_measures(folder)) for folder in comparisons],
        comparison_sheet=SHEET,
        sets=[_Set(folder.name, folder, read_statistics(folder)) for folder in statistics],
        figures=(MAP, BRIGHTNESS),
        finds=finds_of(results, 2 * _ROOM // 3),
    )
    write_text(out, page)


def _data_uri(folder: Path, name: str) -> str:
    data = require_file(folder / name).read_bytes()
    kind = "svg+xml" if name.endswith(".svg") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
