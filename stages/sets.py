"""`duskline sets`: which sets params.yaml asks for, what is there, and where."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import kind_command

SETS = Path("data/sets")
SET_STAGES = ("format", "translate", "merge", "select")


@kind_command("sets")
def main() -> None:
    """List the sets that params.yaml asks for: images by split and role, size on disk, place."""
    from pipeline.core.params import read_params
    from pipeline.datasets.image_set import ImageSet

    params = read_params()
    names = [(name, stage) for stage in SET_STAGES for name in params.get(stage) or {}]
    for name, stage in names:
        root = SETS / name
        if not root.is_dir():
            click.echo(f"{name:<24} {stage:<10} not made yet; run: dvc repro {stage}@{name}")
            continue
        images = ImageSet.open(root)
        megabytes = sum(row.size for row in images.rows) / 1e6
        counts = ", ".join(f"{place} {count:,}" for place, count in images.counts().items())
        click.echo(
            f"{name:<24} {stage:<10} {len(images.rows):>7,} images {megabytes:>8.1f} MB  {root}/  ({counts})"
        )


if __name__ == "__main__":
    main()
