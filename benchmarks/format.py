"""Measure time and memory of formatting a dataset of the size of Pitts30k.

python -m benchmarks.format --images 4000
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np

from benchmarks.street_like import street_like
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.resume import ResumableSet

PITTS30K = 51_840
WIDTH, HEIGHT, QUALITY = 640, 480, 92
DISTINCT = 16


@click.command()
@click.option("--images", default=4000, show_default=True, help="Number of images, 640x480.")
@click.option("--workers", default=2, show_default=True, help="Number of decoding threads.")
def main(images: int, workers: int) -> None:
    """Write synthetic archives, format them in a separate process, and print rate and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for count in (images // 4, images):
            size = _write_raw(root / f"raw{count}", count)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                seconds, peak = pool.submit(_format, root, count, workers).result()
            rate = count / seconds
            click.echo(
                f"{count:,} images of {size / 1e3:.0f} kB: {rate:.0f} per second, "
                f"{PITTS30K / rate / 60:.1f} minutes for {PITTS30K:,}, at most {peak / 1e6:.0f} MB of memory"
            )


def _format(root: Path, count: int, workers: int) -> tuple[float, int]:
    start = time.monotonic()
    raw = root / f"raw{count}"
    resumable = ResumableSet.opened(root / "work", f"{count}")
    images = read_common(raw, CommonSettings("refuse"), root)
    format_set(images, root / f"set{count}", workers=workers, resumable=resumable)
    return time.monotonic() - start, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _write_raw(raw: Path, images: int) -> float:
    """Write one archive of street-like images; return their mean size in bytes."""
    raw.mkdir()
    pictures = street_like(DISTINCT, WIDTH, HEIGHT, QUALITY)
    with tarfile.open(raw / "set.tar", "w") as tar:
        for number in range(images):
            data = pictures[number % DISTINCT] + number.to_bytes(4, "big")
            info = tarfile.TarInfo(_name(number))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return float(np.mean([len(picture) for picture in pictures]))


def _name(number: int) -> str:
    position = f"@{585_000 + number // 24:010.2f}@4477000.00"
    return f"set/train/database/{position}@{number:06d}@.jpg"


if __name__ == "__main__":
    main()
