"""How seconds and memory grow with the number of images, and what that makes of SF-XL.

python -m benchmarks.growth --images 1000 --images 10000 --images 100000
python -m benchmarks.growth --sf-xl

Each step runs in a process of its own, on tiny pictures (16x12), so that what is measured is what each image
costs whatever its size. What was measured is added to a file; the tables are made of all that it holds, so
sizes may be measured one at a time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.growth.curve import curves, table
from benchmarks.growth.measurements import keep, kept
from benchmarks.growth.sf_xl import report
from benchmarks.growth.steps import measured_steps


@click.command()
@click.option("--images", "sizes", multiple=True, type=int, help="Measure at this size; may be repeated.")
@click.option("--sf-xl", is_flag=True, help="Print what it makes of SF-XL, instead of the measurements.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("docs/results/growth.jsonl"),
    show_default=True,
    help="What was measured.",
)
def main(sizes: tuple[int, ...], sf_xl: bool, out: Path) -> None:
    """Measure, and print the table of all that was measured.

    In brackets: the seconds that processors worked, which tell more where others use the machine too.
    """
    for images in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for one in measured_steps(Path(folder) / "size", images):
                keep(one, out)
                click.echo(f"{one.images:,} images, {one.step}: {one.seconds:.1f} s", err=True)
    measurements = kept(out)
    if not measurements:
        raise click.UsageError(f"nothing was measured yet: {out} is not there; give --images")
    click.echo(report(curves(measurements)) if sf_xl else table(measurements))


if __name__ == "__main__":
    main()
