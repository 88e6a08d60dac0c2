"""Measure the errors of the classifier of the time of day by brightness.

python -m benchmarks.times_of_day

The city is not the one that the rule was fitted to; each view is rendered by day, at sunset and by night.
"""

from __future__ import annotations

from collections import Counter

import click
import numpy as np

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.datasets.image_set.image_set import TIMES_OF_DAY
from pipeline.datasets.time_of_day.brightness_classifier import time_by_brightness
from pipeline.runtime.progress import progress

WIDTH, HEIGHT = 240, 180
BLOCKS = 4


@click.command()
@click.option("--views", default=60, show_default=True, help="Number of views, each rendered three times.")
@click.option("--seed", default=404, show_default=True, help="Seed of the city.")
def main(views: int, seed: int) -> None:
    """Print the confusion matrix and the share of errors."""
    city = build_city(seed, BLOCKS, BLOCKS)
    painter = Painter(city)
    rng = np.random.default_rng(seed)
    taken: Counter[tuple[str, str]] = Counter()
    for _ in progress(range(views), total=views, label="views"):
        street = city.streets[int(rng.integers(len(city.streets)))]
        along, at = np.degrees(np.arctan2(street.x1 - street.x0, street.y1 - street.y0)), rng.random()
        shot = Shot(
            x=street.x0 + at * (street.x1 - street.x0),
            y=street.y0 + at * (street.y1 - street.y0),
            yaw=float(along + rng.choice([0, 180]) + rng.uniform(-60, 60)) % 360,
            pitch=float(rng.uniform(2, 12)),
            field_of_view=66.0,
        )
        for time_of_day in TIMES_OF_DAY:
            guess = time_by_brightness(painter.draw(shot, time_of_day, WIDTH, HEIGHT))
            taken[time_of_day, guess.time_of_day] += 1
    click.echo(f"{'true':<10}" + "".join(f"{name:>10}" for name in TIMES_OF_DAY))
    for true in TIMES_OF_DAY:
        click.echo(f"{true:<10}" + "".join(f"{taken[true, guessed]:>10}" for guessed in TIMES_OF_DAY))
    wrong = sum(count for (true, guessed), count in taken.items() if true != guessed)
    confused = taken["day", "night"] + taken["night", "day"]
    click.echo(
        f"{100 * wrong / (3 * views):.1f} % of {3 * views} wrong; day and night confused {confused} times"
    )


if __name__ == "__main__":
    main()
