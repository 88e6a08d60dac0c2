"""Stage `fetch`: the raw archives of a source: rendered, found on disk, or downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.runtime.machine import read_machine
from stages.command import stage_command
from stages.places import PINNED, RAW


@dataclass(frozen=True)
class ArchivesParams:
    """A source of archives.

    accept_terms: true once you have read and accepted the terms in the source's registry entry.
    """

    accept_terms: bool


@dataclass(frozen=True)
class CheckpointParams:
    """A translator's weights.

    place: a path, a URL, or `drive:<id>` of the checkpoint.
    """

    place: str


@stage_command("fetch", "what has been downloaded is kept, run it again to continue")
def main(name: str) -> str:
    """Get the raw data of a source, as its section of params.yaml and its registry entry say."""
    from pipeline.core.params import read_params, section_of

    section = section_of(read_params(), "fetch", name)
    return _fetch(name, section)


def _fetch(name: str, section: dict[str, Any]) -> str:
    from pipeline.city.settings import CitySettings
    from pipeline.core.params import build
    from pipeline.datasets.fetching.fetch import fetch_archives, fetch_checkpoint
    from pipeline.datasets.sources.registry import read_source
    from pipeline.runtime.errors import ParameterError, UserError

    where = f"fetch.{name}"
    source = read_source(name)
    kind = section.pop("kind", None)
    if kind != source.kind:
        raise ParameterError(f"{where}.kind must be {source.kind}, as in the registry, not {kind!r}")
    if source.kind == "described":
        raise UserError(f"{source.title} is not downloaded by duskline", hint=f"available {source.published}")
    machine = read_machine()
    if source.kind == "city":
        from pipeline.city.export.raw import write_city
        from pipeline.compute.resources.timings import note_work

        counts = write_city(build(CitySettings, section, where), RAW / name, machine.workers)
        note_work(of=sum(counts.values()), done=sum(counts.values()))
        listed = ", ".join(f"{form} {count:,}" for form, count in counts.items())
        return f"rendered {sum(counts.values()):,} images ({listed})"
    if source.kind == "checkpoint":
        place = build(CheckpointParams, section, where).place
        return str(fetch_checkpoint(source, place, RAW / name, held=machine.archives, pinned=PINNED))
    accept_terms = build(ArchivesParams, section, where).accept_terms
    return str(
        fetch_archives(source, RAW / name, held=machine.archives, pinned=PINNED, accept_terms=accept_terms)
    )


if __name__ == "__main__":
    main()
