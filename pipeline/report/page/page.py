"""One self-contained page: results, comparison with the paper, images, and provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.core.files import require_file, write_text
from pipeline.night.comparison.comparison_files import SHEET, Measured, read_measures
from pipeline.report.page import charts
from pipeline.report.page.data_uris import as_base64, data_uri
from pipeline.report.page.matches import browsed_matches
from pipeline.report.page.pairs import pairs_of
from pipeline.report.page.provenance import Set, provenance
from pipeline.report.sets.set_record import read_set_record
from pipeline.report.sets.statistics import BRIGHTNESS, MAP, read_statistics
from pipeline.report.tables import tables
from pipeline.report.tables.comparison import ComparedTable, run_here
from pipeline.report.tables.headline import Headline
from pipeline.report.tables.results import Results
from pipeline.runtime.errors import ParameterError
from pipeline.runtime.ranges import Range, require_ranges

_TEMPLATES = Path(__file__).with_name("templates")
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class PageParams:
    """The section `report` of params.yaml.

    megabytes: Largest size of the page; images that do not fit are left out.
    """

    megabytes: Annotated[float, Range("millions of bytes", above=0)]

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class Augmentations:
    """A sheet of augmented queries, a JPEG. changes: titles of the columns after the first, "plain"."""

    name: str
    sheet: Path
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """Everything that the page shows.

    params: all parameters of the run. compared: the paper's tables with our results. sheets, comparisons,
    statistics: folders of night image samples, of compared translators and of dataset statistics.
    """

    params: Mapping[str, Any]
    results: Results
    headlines: Sequence[Headline]
    compared: Sequence[ComparedTable]
    sheets: Sequence[Path]
    comparisons: Sequence[Path]
    augmentations: Sequence[Augmentations]
    statistics: Sequence[Path]


@dataclass(frozen=True)
class _Comparison:
    name: str
    folder: Path
    measured: tuple[Measured, ...]

    @property
    def usable(self) -> list[Measured]:
        """The columns of the sheet."""
        return [row for row in self.measured if not row.reason]

    @property
    def true_nights(self) -> bool:
        return any(row.psnr is not None for row in self.measured)


def write_page(out: Path, material: Material, megabytes: float) -> None:
    """Write the page `out` with every image inside it: it opens from disk and needs no network.

    Pairs get a third of the space that the rest of the page leaves of `megabytes`, matches get what is left.
    `ParameterError` if the page does not fit even without them. Other errors are those of the readers of the
    folders in `material`.
    """
    environment = _environment()
    shown = _shown(material) | _script(environment)
    limit = round(megabytes * _MEGABYTE)
    no_finds = browsed_matches(Results(material.results.root, (), (), {}), 0)
    room = limit - _size(_rendered(environment, shown, pairs_of((), 0), no_finds))
    if room < 0:
        raise ParameterError(
            f"the page would have {megabytes - room / _MEGABYTE:.1f} MB, but report.megabytes is"
            f" {megabytes:g}",
            hint="raise report.megabytes, or name fewer experiments, sheets or comparisons in params.yaml",
        )
    pairs = pairs_of(material.sheets, room // 3)
    room = limit - _size(_rendered(environment, shown, pairs, no_finds))
    page = _rendered(environment, shown, pairs, browsed_matches(material.results, room))
    write_text(out, page)


def _environment() -> Environment:
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
        "look": charts.look,
        "mark": charts.mark,
        "chart_size": (charts.WIDTH, charts.HEIGHT),
        "chart_x": charts.chart_x,
        "chart_y": charts.chart_y,
        "bar_x": charts.bar_x,
        "bars_width": charts.BARS_WIDTH,
        "comparison_sheet": SHEET,
        "set_figures": (MAP, BRIGHTNESS),
    }
    return environment


def _shown(material: Material) -> dict[str, object]:
    sets = [
        Set(folder.name, folder, read_statistics(folder), read_set_record(folder))
        for folder in material.statistics
    ]
    comparisons = [_Comparison(folder.name, folder, read_measures(folder)) for folder in material.comparisons]
    return {
        "results": material.results,
        "headlines": material.headlines,
        "index_of": {
            model: both["database"] for model, both in material.params.get("asymmetric", {}).items()
        },
        "compared": run_here(material.compared),
        "comparisons": comparisons,
        "augmentations": material.augmentations,
        "sets": sets,
        "provenance": provenance(
            material.params, material.results, sets, [(one.name, one.measured) for one in comparisons]
        ),
    }


def _rendered(environment: Environment, shown: Mapping[str, object], pairs: object, finds: object) -> str:
    return environment.get_template("page.html").render(**shown, pairs=pairs, finds=finds)


def _size(page: str) -> int:
    return len(page.encode("utf-8"))


def _script(environment: Environment) -> dict[str, object]:
    """The page's script and its digest for the content security policy: no other script may run."""
    script = environment.get_template("scripts.js").render()
    digest = as_base64(hashlib.sha256(script.encode("utf-8")).digest())
    return {"script": script, "script_digest": f"sha256-{digest}"}


def _data_uri(file: Path) -> str:
    return data_uri(require_file(file).read_bytes(), "svg+xml" if file.suffix == ".svg" else "jpeg")
