"""`duskline sets`: the datasets in params.yaml, which of them exist, and where."""

from __future__ import annotations

import click

from pipeline.runtime.set_stages import SET_STAGES
from stages.command import say, worded_command
from stages.places import SETS


@worded_command("sets")
def main() -> None:
    """List the datasets in params.yaml: location, size, and number of images by split and role."""
    from pipeline.core.params import read_params

    params = read_params()
    click.echo(f"{'dataset':<24} {'made by':<10} {'images':>9} {'MB':>8}  database + queries")
    for stage in SET_STAGES:
        for name in params.get(stage) or {}:
            click.echo(_line(name, stage))
    say(f"Each is a folder in {SETS}/.")


def _line(name: str, stage: str) -> str:
    from pipeline.datasets.image_set.image_set import ROLES, SPLITS, ImageSet
    from pipeline.runtime.errors import DusklineError

    start = f"{name:<24} {stage:<10}"
    if not (SETS / name).is_dir():
        return f"{start} not made yet; run: dvc repro {stage}@{name}"
    try:
        images = ImageSet.open(SETS / name)
    except DusklineError as error:
        return f"{start} {error}"
    counts = images.counts()
    splits = [
        f"{split} " + " + ".join(f"{counts.get(f'{split}/{role}', 0):,}" for role in ROLES)
        for split in SPLITS
        if any(f"{split}/{role}" in counts for role in ROLES)
    ]
    megabytes = sum(row.size for row in images.rows) / 1e6
    return f"{start} {len(images.rows):>9,} {megabytes:>8,.1f}  {', '.join(splits)}"


if __name__ == "__main__":
    main()
