"""Evaluate models on real photographs: a walk by day and by night, and webcams by night.

python -m benchmarks.real_nights MODEL.pt [MODEL.pt ...] --walk FOLDER --webcams FOLDER [--index MODEL.pt]

The walk is one like Gardens Point: day_left is the database, day_right and night_right are queries; a match
within 3 frames is correct. The webcams (cameras.csv: file, camera, condition) are all cameras with both
conditions: the night images are queries, the day images of all cameras the database, and a match of the same
camera is correct. With `--camera`, only the named cameras are queries, for instance those that a translator
was not trained on. The project does not include the photographs.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import nn

from pipeline.compute.device.precision import device_of
from pipeline.core.files import read_csv, require_folder
from pipeline.datasets.formatting.readers.traverses import TraversesSettings, placed_frames
from pipeline.runtime.errors import DusklineError, UserError, listed
from pipeline.runtime.machine import read_machine
from pipeline.vpr.inputs.preprocessing import read_view
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.results.wilson import wilson
from pipeline.vpr.retrieval.extraction import extract
from pipeline.vpr.retrieval.nearest_neighbours import nearest

WIDTH, HEIGHT = 320, 180
# Frames.
RADIUS = 3
BATCH = 16
CAMERAS = "cameras.csv"
_DATABASE = "day_left"
_QUERIES = {"walk by day": "day_right", "walk by night": "night_right"}
_WEBCAMS = "webcams by night"


@dataclass(frozen=True)
class Test:
    """Queries and a database of images; right[q, d]: whether d shows the place of q.

    points: number of each query's place, (queries,); queries of one place are resampled together.
    """

    name: str
    queries: tuple[Path, ...]
    database: tuple[Path, ...]
    right: np.ndarray
    points: np.ndarray

    # Not one of pytest's.
    __test__ = False

    @property
    def chance(self) -> float:
        """Expected recall@1 of random predictions, as a share."""
        return float(self.right.mean())


def walk_tests(folder: Path) -> Iterator[Test]:
    """The walk by day and by night; errors as `placed_frames`."""
    values: dict[str, Any] = {walk: {"role": "queries", "time_of_day": ""} for walk in _QUERIES.values()}
    values[_DATABASE] = {"role": "database", "time_of_day": ""}
    frames = placed_frames(folder, TraversesSettings(values, "test", 1, 95))
    numbers = np.array([frame.place for frame in frames[_DATABASE]])
    right = np.abs(numbers[:, None] - numbers[None]) <= RADIUS
    paths = {walk: tuple(folder / frame.path for frame in found) for walk, found in frames.items()}
    for name, walk in _QUERIES.items():
        yield Test(name, paths[walk], paths[_DATABASE], right, np.arange(len(paths[walk])))


def webcam_test(folder: Path, asking: Collection[str] = ()) -> Test:
    """Night images of all cameras with both conditions as queries, their day images as the database.

    asking: cameras whose nights are queries, if not all. `MissingInputError` without the folder or the list;
    `UserError` for an unknown condition, for listed images that do not exist, for a camera in `asking`
    without both conditions, and when no camera has both.
    """
    require_folder(folder)
    found: dict[str, list[tuple[Path, str]]] = {"day": [], "night": []}
    wrong = []
    for line, row in read_csv(folder / CAMERAS, ("file", "camera", "condition")):
        path = folder / row["file"]
        if row["condition"] not in found:
            wrong.append(f"line {line}: condition {row['condition']!r} is neither day nor night")
        elif not path.is_file():
            wrong.append(f"line {line}: {row['file']} does not exist")
        else:
            found[row["condition"]].append((path, row["camera"]))
    if wrong:
        raise UserError(
            f"{len(wrong)} lines of {folder / CAMERAS} cannot be used:{listed(wrong)}", hint="fix them"
        )
    days, nights = ({camera for _, camera in found[condition]} for condition in ("day", "night"))
    if not days & nights:
        raise UserError(
            f"no camera in {folder / CAMERAS} has both day and night images",
            hint="list both for each camera, with the same name in the column camera",
        )
    if unknown := sorted(set(asking) - (days & nights)):
        raise UserError(
            f"{folder / CAMERAS} does not have both day and night images of {', '.join(unknown)}",
            hint=f"cameras with both are {', '.join(sorted(days & nights))}",
        )
    database = [one for one in found["day"] if one[1] in days & nights]
    queries = [one for one in found["night"] if one[1] in (asking or days & nights)]
    right = np.array([[day[1] == night[1] for day in database] for night in queries])
    paths = [tuple(path for path, _ in part) for part in (queries, database)]
    _, points = np.unique([camera for _, camera in queries], return_inverse=True)
    return Test(_WEBCAMS, paths[0], paths[1], right, points)


def hits_of(
    network: nn.Module, index: nn.Module, tests: Sequence[Test], device: torch.device, workers: int
) -> list[np.ndarray]:
    """For each test whether each query's first match is correct, (queries,); `index` is for databases."""
    asked = _described(network, [test.queries for test in tests], device, workers)
    held = _described(index, [test.database for test in tests], device, workers)
    hits = []
    for test in tests:
        queries = np.stack([asked[path] for path in test.queries])
        _, first = nearest(np.stack([held[path] for path in test.database]), queries, 1)
        hits.append(test.right[np.arange(len(queries)), first[:, 0]])
    return hits


def _described(
    network: nn.Module, parts: Sequence[Sequence[Path]], device: torch.device, workers: int
) -> dict[Path, np.ndarray]:
    """The descriptor of each image; images of several tests are described once."""
    pictures = list(dict.fromkeys(itertools.chain(*parts)))

    def read(number: int) -> torch.Tensor:
        return read_view(pictures[number].read_bytes(), HEIGHT, WIDTH, str(pictures[number]))

    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = extract(network, read, len(pictures), batch=BATCH, device=device, workers=workers)
    return dict(zip(pictures, found, strict=True))


def table(tests: Sequence[Test], found: dict[str, list[np.ndarray]]) -> Iterator[str]:
    """Recall@1 in per cent with its 95 % interval (Wilson), one line per model, as Markdown."""
    yield f"| recall@1, % (95 % interval) | {' | '.join(test.name for test in tests)} |"
    yield "|---" * (1 + len(tests)) + "|"
    yield f"| queries | {' | '.join(str(len(test.queries)) for test in tests)} |"
    yield f"| database | {' | '.join(str(len(test.database)) for test in tests)} |"
    yield f"| chance | {' | '.join(f'{100 * test.chance:.1f}' for test in tests)} |"
    for model, hits in found.items():
        yield f"| {model} | {' | '.join(map(_cell, hits, tests))} |"


def _cell(hits: np.ndarray, test: Test) -> str:
    low, high = wilson(int(hits.sum()), len(test.queries))
    return f"{100 * hits.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--walk", type=click.Path(path_type=Path), help="Folder with day_left, day_right, night_right.")
@click.option("--webcams", type=click.Path(path_type=Path), help=f"Folder with a {CAMERAS}.")
@click.option("--camera", "cameras", multiple=True, help="Only this webcam's nights are queries; repeatable.")
@click.option("--index", type=click.Path(path_type=Path), help="Another model for the database descriptors.")
def main(
    models: tuple[Path, ...],
    walk: Path | None,
    webcams: Path | None,
    cameras: tuple[str, ...],
    index: Path | None,
) -> None:
    """Print the recall@1 of MODELS (model.pt files) on real photographs as a Markdown table."""
    machine = read_machine()
    try:
        tests = [*(walk_tests(walk) if walk else ()), *((webcam_test(webcams, cameras),) if webcams else ())]
        if not tests:
            raise UserError("there are no images to test on", hint="use --walk or --webcams, or both")
        found = {}
        for model in models:
            network, _, _ = load_model(model)
            held = load_model(index)[0] if index else network
            found[str(model)] = hits_of(network, held, tests, device_of(machine.device), machine.workers)
    except DusklineError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Input {WIDTH}x{HEIGHT}; on the walk, matches within {RADIUS} frames are correct.\n")
    for line in table(tests, found):
        click.echo(line)


if __name__ == "__main__":
    main()
