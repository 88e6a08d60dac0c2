"""Compare a large dataset as files and as shards: number of objects, and the time to push and pull them.

python -m benchmarks.shards --images 50000

The remotes are a folder on the same disk and an S3 server on this machine (`moto_server`, from the dev
extra), with the default settings of DVC. Both datasets have the same tiny images of noise.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.project_copy import project_environment
from benchmarks.tiny_sets import SIDE, tiny_name, tiny_picture
from pipeline.datasets.writing.set_writer import replaced_set
from tests.s3_server import BUCKET, s3_server


@click.command()
@click.option("--images", default=50_000, show_default=True)
def main(images: int) -> None:
    """Print a table as Markdown."""
    click.echo(
        f"| {images:,} images | objects | MB | add, s | push, s | push again, s | pull, s | pull again, s |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for kind in ("folder", "s3"):
        for form, above in (("files", None), ("shards", 0)):
            with tempfile.TemporaryDirectory() as folder, _remote(kind, Path(folder)) as (url, environment):
                click.echo(f"| {form}, {kind} | {_measured(Path(folder), images, above, url, environment)} |")


@contextlib.contextmanager
def _remote(kind: str, root: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The address of the remote, and its environment variables."""
    if kind == "folder":
        yield [str(root / "remote")], {}
        return
    with s3_server() as server:
        yield [f"s3://{BUCKET}/many", server.endpoint], server.environment


def _measured(root: Path, images: int, above: int | None, url: list[str], environment: dict[str, str]) -> str:
    first, second = _project(root / "first" / "project", url), _project(root / "second" / "project", url)
    with replaced_set(first / "many", above) as writer:
        for number in range(images):
            name = f"images/train/database/{tiny_name(number)}"
            writer.add(name, tiny_picture(number), source=f"{number}", width=SIDE, height=SIDE)
    size = sum(path.stat().st_size for path in first.rglob("many/**/*") if path.is_file())
    objects = sum(1 for path in first.rglob("many/**/*") if path.is_file()) + 1
    add = _seconds(first, environment, "add", "many")
    shutil.copy(first / "many.dvc", second)
    push, again = (_seconds(first, environment, "push") for _ in range(2))
    pull, pull_again = (_seconds(second, environment, "pull") for _ in range(2))
    times = " | ".join(f"{seconds:.1f}" for seconds in (add, push, again, pull, pull_again))
    return f"{objects:,} | {size / 1e6:.1f} | {times}"


def _project(root: Path, url: list[str]) -> Path:
    (root / ".dvc").mkdir(parents=True)
    address, *endpoint = url
    lines = [
        "[core]",
        "    no_scm = true",
        "    remote = shared",
        "[cache]",
        '    type = "hardlink,copy"',
        "['remote \"shared\"']",
        f"    url = {address}",
        "    verify = true",
        *(f"    endpointurl = {one}" for one in endpoint),
    ]
    (root / ".dvc" / "config").write_text("\n".join(lines) + "\n")
    return root


def _seconds(root: Path, environment: dict[str, str], *command: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "dvc", *command, "-q"],
        cwd=root,
        env=os.environ | project_environment(root) | environment,
        check=True,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
