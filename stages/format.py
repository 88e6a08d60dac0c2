"""Stage `format`: raw archives or photographs as a dataset in the common layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pipeline.runtime.machine import read_machine
from pipeline.runtime.ranges import Range, require_ranges
from stages.command import GOES_ON, stage_command
from stages.places import RAW, SETS

if TYPE_CHECKING:
    from pipeline.datasets.formatting.build_set import RawImage


@dataclass(frozen=True)
class RawParams:
    """Where a dataset comes from; the settings of its form are in the same section.

    raw: the folder of raw data.
    form: layout of the raw data: pittsburgh, tokyo247, tokyo247_queries, common, folder, traverses,
        vpr_bench, st_lucia, gsv_cities or msls.
    expected: the registry entry whose image counts the dataset must match; null for no check.
    """

    raw: Path
    form: str
    expected: str | None = None


@dataclass(frozen=True)
class SetsParams:
    """How datasets are stored.

    shards_above: a dataset with more images than this is stored as shards.
    """

    shards_above: Annotated[int, Range("images", least=0)]

    def __post_init__(self) -> None:
        require_ranges(self)


@stage_command("format", GOES_ON)
def main(name: str) -> str:
    """Read the raw data of a dataset and write it in the common layout, with a manifest."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.formatting.build_set import format_set
    from pipeline.datasets.formatting.forms import reader_of
    from pipeline.datasets.formatting.resume import ResumableSet, resume_key
    from pipeline.datasets.sources.registry import read_source, terms_below

    where = f"format.{name}"
    params = read_params()
    section = section_of(params, "format", name)
    common: dict[str, Any] = {key: section.pop(key) for key in ("raw", "form", "expected") if key in section}
    raw = build(RawParams, common, where)
    settings, read = reader_of(raw.form, where)
    machine = read_machine()
    images = read(raw.raw, build(settings, section, where), machine.archives)
    expected = read_source(raw.expected).expected if raw.expected else {}
    resumable = ResumableSet.opened(machine.work / "format" / name, resume_key(raw.raw, raw.form, section))
    brought: Counter[tuple[str, str]] = Counter()
    made = format_set(
        _counted(images, brought),
        SETS / name,
        workers=machine.workers,
        expected=expected,
        resumable=resumable,
        shards_above=build(SetsParams, section_of(params, "sets"), "sets").shards_above,
        terms=[terms_below(raw.raw, RAW, f"images of {name}", raw.form)],
        label=name,
    )
    counts = ", ".join(f"{place} {n:,}" for place, n in made.counts().items())
    into = "".join(
        f"; {n:,} converted from UTM zone {zone} to {grid}" for (zone, grid), n in sorted(brought.items())
    )
    return f"{len(made.rows):,} images ({counts}){into}"


def _counted(images: Iterable[RawImage], brought: Counter[tuple[str, str]]) -> Iterator[RawImage]:
    """Pass `images` on, and count those whose position is in another UTM grid than their own, by both."""
    from pipeline.datasets.image_set.utm_grid import grid_in_name, recorded_grid

    for image in images:
        if image.brought_from:
            grid = recorded_grid(image.positions_in) or grid_in_name(image.file_name)
            brought[image.brought_from, str(grid)] += 1
        yield image


if __name__ == "__main__":
    main()
