"""Compare a translator's nights with the ground truth of an unseen city: PSNR and lit pixels.

python -m benchmarks.nights unit/weights/city.pt
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.night.comparison.image_metrics import lit, psnr
from unit.network.settings import UnitSettings
from unit.translation.translate import UnitTranslator

WIDTH, HEIGHT = 240, 180
# Shorter side of the translator's input.
SEEN = 96
# A city that the shipped weights were not trained on.
CITY_SEED, BLOCKS = 77, 3


@click.command()
@click.argument("checkpoints", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--views", default=16, show_default=True, help="Number of streets, with one view each.")
def main(checkpoints: tuple[Path, ...], views: int) -> None:
    """Print mean PSNR (dB) to the ground truth and lit pixels (%) of day images and CHECKPOINTS' nights."""
    city = build_city(CITY_SEED, BLOCKS, BLOCKS)
    painter = Painter(city)
    shots = []
    for number, street in enumerate(city.streets[:views]):
        along = np.degrees(np.arctan2(street.x1 - street.x0, street.y1 - street.y0))
        x, y = (street.x0 + street.x1) / 2, (street.y0 + street.y1) / 2
        yaw = float(along + (0, 30, 60, 180)[number % 4]) % 360
        shots.append(Shot(x=x, y=y, yaw=yaw, pitch=6.0, field_of_view=66.0))
    days, nights = ([painter.draw(shot, time, WIDTH, HEIGHT) for shot in shots] for time in ("day", "night"))
    click.echo(f"{len(shots)} views                          PSNR  lit")
    click.echo(_line("day images", days, nights))
    click.echo(f"{'ground-truth nights':<32}        {_lit(nights):5.2f}")
    for checkpoint in checkpoints:
        settings = UnitSettings("day2night", SEEN, "none", "source", "source", "float32")
        to_night = UnitTranslator(checkpoint, settings)
        click.echo(_line(str(checkpoint), [to_night(day) for day in days], nights))


def _line(name: str, pictures: list[np.ndarray], nights: list[np.ndarray]) -> str:
    mean = np.mean([psnr(picture, night) for picture, night in zip(pictures, nights, strict=True)])
    return f"{name:<32} {mean:6.2f} {_lit(pictures):5.2f}"


def _lit(pictures: list[np.ndarray]) -> float:
    return float(np.mean([lit(picture).mean() for picture in pictures]) * 100)


if __name__ == "__main__":
    main()
