"""`duskline sources`: the datasets and checkpoints in the registry, and which of them you have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.runtime.machine import read_machine
from stages.command import say, worded_command
from stages.options import completing

if TYPE_CHECKING:
    from pipeline.datasets.sources.registry import Source


def source_names() -> list[str]:
    """Names of the sources that the registry knows."""
    from pipeline.datasets.sources.registry import known_sources

    return known_sources()


@worded_command("sources")
@click.argument("names", nargs=-1, shell_complete=completing(source_names))
def main(names: tuple[str, ...]) -> None:
    """List the datasets and checkpoints that duskline knows; with NAMES, show all details of these."""
    from pipeline.datasets.sources.registry import known_sources, read_source

    held = read_machine().archives
    shown = [read_source(name) for name in names or known_sources()]
    width = max(len(source.name) for source in shown)
    for source in shown:
        if names:
            click.echo(_all_of(source, held))
        else:
            click.echo(f"{source.name:<{width}} {_availability(source, held):<22} {source.title}")
    if not names:
        say(f"Archives are looked up in {held}/. `duskline sources NAME` shows terms and addresses.")


def _availability(source: Source, held: Path) -> str:
    from pipeline.datasets.archives.local_archives import find_local_archive

    if source.kind == "checkpoint":
        return "found" if _checkpoint(source, held) else "get it yourself"
    if source.kind != "archives":
        return {"city": "rendered here", "described": "get it yourself"}[source.kind]
    there = sum(find_local_archive(held, source.folders, file.name) is not None for file in source.files)
    return f"{there} of {len(source.files)} archives"


def _checkpoint(source: Source, held: Path) -> Path | None:
    from pipeline.datasets.archives.local_archives import find_local_archive

    return find_local_archive(held, source.folders, f"{source.name}.pt")


def _all_of(source: Source, held: Path) -> str:
    from pipeline.datasets.archives.local_archives import find_local_archive

    lines = [source.name, f"  {source.title}", f"  licence: {source.licence}"]
    if source.terms:
        lines += ["  terms:", *(f"    {line}" for line in source.terms.strip().splitlines())]
    if source.citation:
        lines.append(f"  to cite: {source.citation}")
    if source.published:
        lines.append(f"  available: {source.published}")
    if source.layout:
        lines.append(f"  layout: {source.layout}")
    if source.kind == "checkpoint":
        own, there = held / f"{source.name}.pt", _checkpoint(source, held)
        lines += [
            f"  found: {there}" if there else f"  not found: copy your gen_*.pt to {own}",
            f"  without it: train one with {source.section} of unit/variants.yaml, or use another translator"
            " (docs/choosing_a_translator.md)",
        ]
    if source.expected:
        counts = ", ".join(f"{place} {count:,}" for place, count in source.expected.items())
        lines.append(f"  images: {counts}")
    for file in source.files:
        found = find_local_archive(held, source.folders, file.name)
        about = f" ({file.about})" if file.about else ""
        where = f"found: {found}" if found else f"from {' or '.join(file.places)}"
        lines.append(f"  {file.name}{about} {where}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
