"""Speed and memory of drawing the embedded city, as a table: `python -m benchmarks.city --help`."""

from __future__ import annotations

import resource
import time

import click
import numpy as np

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import City, build_city
from pipeline.city.rendering.lighting import TIMES_OF_DAY
from pipeline.city.rendering.renderer import Painter

_STEP = 12.0  # metres between panoramas


def drive(city: City, panoramas: int, views: int) -> list[Shot]:
    """Views in all directions from places one after the other along the streets, as a survey takes them."""
    shots: list[Shot] = []
    for street in city.streets:
        for along in np.arange(street.start_gap, street.length - street.end_gap, _STEP):
            x, y = street.at(float(along), 1.5)
            for view in range(views):
                shots.append(Shot(float(x), float(y), view * 360 / views, 4.0))
            if len(shots) >= panoramas * views:
                return shots
    return shots


def scattered(city: City, count: int) -> list[Shot]:
    """Single views all over the city, each far from the last: the worst order for the painter's stores."""
    shots = []
    rng = np.random.default_rng(3)
    for _ in range(count):
        street = city.streets[int(rng.integers(len(city.streets)))]
        x, y = street.at(float(rng.uniform(street.start_gap, street.length - street.end_gap)))
        shots.append(Shot(float(x), float(y), float(rng.uniform(0, 360)), 4.0))
    return shots


@click.command()
@click.option("--blocks", default=10, show_default=True, help="Blocks of the city, east and north.")
@click.option("--size", "sizes", multiple=True, default=("240x180", "320x240", "640x480"), show_default=True)
@click.option("--panoramas", default=12, show_default=True, help="Places along the drive.")
@click.option("--views", default=12, show_default=True, help="Views at each place.")
def main(blocks: int, sizes: tuple[str, ...], panoramas: int, views: int) -> None:
    """Print images per second (processor time of one core) for a drive and for scattered views."""
    start = time.process_time()
    city = build_city(1, blocks, blocks)
    painter = Painter(city)
    spent = time.process_time() - start
    print(f"{blocks} x {blocks} blocks, {len(city.buildings)} buildings, planned in {spent:.1f} s")
    orders = {"drive": drive(city, panoramas, views), "again": drive(city, panoramas, views)}
    orders["scattered"] = scattered(city, panoramas * views // 4)
    print(f"{'size':>8} {'order':>10} " + " ".join(f"{name + ', 1/s':>12}" for name in TIMES_OF_DAY))
    for size in sizes:
        width, height = (int(part) for part in size.split("x"))
        for order, shots in orders.items():
            rates = []
            for time_of_day in TIMES_OF_DAY:
                start = time.process_time()
                for shot in shots:
                    painter.draw(shot, time_of_day, width, height)
                rates.append(len(shots) / (time.process_time() - start))
            print(f"{size:>8} {order:>10} " + " ".join(f"{rate:12.1f}" for rate in rates), flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
