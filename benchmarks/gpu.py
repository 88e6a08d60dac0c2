"""Check and time duskline on a GPU, in at most 8 minutes and without a network connection.

python -m benchmarks.gpu
python -m benchmarks.gpu --tiny

It prints the table of docs/gpu.md: the rate of each kind of work per second, compared with plain PyTorch
(eager, float32, channels first). The tests marked gpu run last, in the remaining time. Results are also
written to a JSON file after each part, so that an interrupted run keeps them. A part that fails is reported,
and the others continue.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import torch

from benchmarks import joint_step, train_unit, vpr
from benchmarks.translate import (
    PlainLoop,
    Trial,
    ceiling,
    draw_days,
    gflop,
    processor,
    rate_of,
    repeated,
    seconds_of,
    seeded_pair,
)
from benchmarks.turns import shortest, take_turns
from pipeline.compute.device.precision import device_of
from pipeline.core.files import write_json
from pipeline.runtime.machine import read_machine
from pipeline.vpr.adaptation.student import PICTURES, Lesson, student_of_ours
from unit.network.checkpoint import load_checkpoint
from unit.network.settings import UnitSettings

ROOT = Path(__file__).parents[1]
MINUTES = 8
NEVER = "not measured"


@dataclass(frozen=True)
class Sizes:
    """The device and the amount of work; image sizes are (width, height).

    dim, shorter_side: of the translator, which translates `views` images of size `view` after `warm_up`
    images, enough to compile for their shape; crop: of its training. places: of a step of the default profile
    and of `adapt`. triplets: images of a step of the paper's training. described: images of an extraction.
    rounds: turns of each way.
    """

    device: Literal["cpu", "cuda"]
    dim: int
    shorter_side: int
    crop: tuple[int, int]
    view: tuple[int, int]
    views: int
    warm_up: int
    places: int
    street: tuple[int, int]
    walk: tuple[int, int]
    triplets: int
    described: int
    rounds: int


# Image and batch sizes of the published network and of the profiles.
FULL = Sizes(
    device="cuda", dim=64, shorter_side=512, crop=(512, 288), view=(640, 480), views=1600, warm_up=2400,
    places=16, street=(240, 180), walk=(320, 180), triplets=48, described=384, rounds=12,
)  # fmt: skip
TINY = Sizes(
    device="cpu", dim=4, shorter_side=32, crop=(64, 64), view=(96, 64), views=2, warm_up=1,
    places=2, street=(96, 64), walk=(96, 64), triplets=12, described=2, rounds=2,
)  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """Rates per second of duskline and of plain PyTorch, and a note."""

    ours: float
    plain: float
    note: str = ""


def parts(sizes: Sizes) -> dict[str, Callable[[], Rates]]:
    """The title of each part, and the function that measures it."""
    view, crop, street, walk = (
        f"{width}x{height}" for width, height in (sizes.view, sizes.crop, sizes.street, sizes.walk)
    )
    device, threads = sizes.device, torch.get_num_threads()

    def of_places(size: tuple[int, int]) -> list[tuple[Any, ...]]:
        width, height = size
        return [(way, sizes.places, height, width, threads, device) for way in ("plain", "ours")]

    def of_views(count: int, *ways: str) -> list[tuple[Any, ...]]:
        width, height = sizes.view
        return [(way, (count, height, width), device, threads) for way in ways]

    of_crops = [
        (way, train_unit.settings_of(sizes.dim, sizes.crop[::-1], 0, way, vgg=False), device, threads)
        for way in ("plain", "bfloat16")
    ]
    compared = partial(in_turns, sizes.rounds)
    return {
        f"nights: UNIT of width {sizes.dim}, JPEG to JPEG, {view}": partial(translated, sizes),
        f"steps: UNIT of width {sizes.dim}, 1 + 1 images of {crop}": partial(
            compared, train_unit.step_of, of_crops
        ),
        f"steps: the default profile, {sizes.places} x {PICTURES} images of {street}": partial(
            compared, joint_step.step_of, of_places(sizes.street)
        ),
        f"steps: the paper's triplets, {sizes.triplets} images of {view}": partial(
            compared, vpr.work_of, of_views(sizes.triplets, "plain", "ours_auto")
        ),
        f"steps: `adapt`, {sizes.places} x {PICTURES} images of {walk}": partial(
            compared, adapting_step, of_places(sizes.walk)
        ),
        f"descriptors: the paper's ResNet-18 with NetVLAD, {view}": partial(
            compared,
            vpr.work_of,
            of_views(sizes.described, "plain_extract", "ours_auto_extract"),
            amount=sizes.described,
        ),
    }


def in_turns(
    rounds: int,
    prepare: Callable[..., Callable[[], Any]],
    ways: Sequence[tuple[Any, ...]],
    amount: int = 1,
) -> Rates:
    """Time the plain way and ours in turn; each turn does `amount` units of work."""
    plain, ours = take_turns(prepare, dict(zip(("plain", "ours"), ways, strict=True)), rounds).values()
    return Rates(amount / shortest(ours), amount / shortest(plain))


def adapting_step(
    way: str, places: int, height: int, width: int, threads: int, wish: str
) -> Callable[[], float]:
    """A step of `adapt` that keeps the index, with the network of the default profile; returns its loss."""
    torch.set_num_threads(threads)
    images = joint_step.pictures_of(places, height, width)
    teacher = joint_step.recogniser(images)
    student = student_of_ours(teacher, joint_step.NETWORK, joint_step.NETWORK.trainable)
    device = device_of(wish)
    # `Lesson` does not move its teacher.
    teacher.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return joint_step.step_of_network(way, Lesson(student, teacher), images, device)


def translated(sizes: Sizes) -> Rates:
    """Time the translator with random weights on views of the city, compared with a plain loop."""
    machine = replace(read_machine(), device=sizes.device)
    with tempfile.TemporaryDirectory() as place:
        checkpoint = Path(place) / "drawn.pt"
        seeded_pair(checkpoint, sizes.dim)
        settings = UnitSettings("day2night", sizes.shorter_side, "minmax", "model", "network", "float32")
        trial = Trial(checkpoint, settings, draw_days(Path(place), 8, *sizes.view))
        plain = PlainLoop(load_checkpoint(checkpoint), trial, sizes.device)
        # Its first image warms it up; its operations are counted.
        work = gflop(plain)
        few = repeated(trial.tasks, max(2, sizes.views // 50))
        plain_rate = len(few) / seconds_of(partial(plain, few))
        most = ceiling(torch.bfloat16, sizes.device, machine.workers)
        ours, path = rate_of(trial.factory(machine, "auto"), trial, sizes.views, sizes.warm_up)
    return Rates(
        ours,
        plain_rate,
        f"nights by {path}: {work:,.0f} GFLOP each, {100 * ours * work / most:.1f} % of the"
        f" {most / 1000:,.1f} TFLOP/s of a matrix product in bfloat16",
    )


def table(titles: Sequence[str], found: Mapping[str, Rates | str]) -> Iterator[str]:
    """The lines of the Markdown table; a string in `found` says why there are no rates."""
    yield "| per second | duskline | plain PyTorch | speed-up |"
    yield "|---|--:|--:|--:|"
    for title in titles:
        yield row(title, found.get(title, NEVER))


def row(title: str, rates: Rates | str) -> str:
    """A line of the table."""
    if isinstance(rates, str):
        return f"| {title} | {rates} | | |"
    return f"| {title} | {rates.ours:,.1f} | {rates.plain:,.1f} | {rates.ours / rates.plain:.2f} |"


def measured(measure: Callable[[], Rates]) -> Rates | str:
    """The rates of a part, or its error as text, so that the other parts continue."""
    try:
        return measure()
    except (Exception, SystemExit) as error:
        return f"failed: {type(error).__name__}: {error}".splitlines()[0]


def tested(seconds: float, *, only_collected: bool) -> tuple[bool, str]:
    """Run the tests marked gpu with a time limit; return whether all passed, and pytest's last line."""
    files = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if "mark.gpu" in file.read_text()
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", *files]
    try:
        done = subprocess.run(
            [*command, *(["--collect-only"] if only_collected else [])],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=max(seconds, 1),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return False, f"not finished within {error.timeout:.0f} s"
    if done.returncode:
        print(done.stdout[-8000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    return done.returncode == 0, done.stdout.strip().splitlines()[-1].strip("= ")


@click.command()
@click.option("--tiny", is_flag=True, help="Tiny sizes on a CPU; the tests are only collected.")
@click.option(
    "--out",
    default="work/gpu.json",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The JSON file.",
)
def main(tiny: bool, out: Path) -> None:
    """Print the rate of each kind of work on a GPU, and whether the tests marked gpu pass."""
    start = time.monotonic()
    sizes = TINY if tiny else FULL
    if sizes.device == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("torch finds no CUDA device; --tiny runs the command without one")
    where = torch.cuda.get_device_name() if sizes.device == "cuda" else processor()
    document: dict[str, Any] = {"device": where, "torch": torch.__version__}
    found: dict[str, Rates | str] = {}
    wanted = parts(sizes)
    for title, measure in wanted.items():
        found[title] = rates = measured(measure)
        document["in_a_second"] = {
            one: {"failed": of} if isinstance(of, str) else asdict(of) for one, of in found.items()
        }
        write_json(out, document)
        click.echo(f"{time.monotonic() - start:4.0f} s {row(title, rates)}", err=True)
    left = 60 * MINUTES - (time.monotonic() - start)
    passed, document["tests"] = tested(left, only_collected=tiny)
    document["seconds"] = round(time.monotonic() - start)
    write_json(out, document)
    click.echo(f"{where}, torch {torch.__version__}\n")
    for line in table(list(wanted), found):
        click.echo(line)
    notes = [rates.note for rates in found.values() if isinstance(rates, Rates) and rates.note]
    for line in ("", *notes, f"tests marked gpu: {document['tests']}"):
        click.echo(line)
    if not passed or any(isinstance(rates, str) for rates in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
