"""Compare the translator with a plain loop: `python -m benchmarks.translate --help`.

The plain loop is that of the published script: one image at a time, float32, PyTorch with its defaults.
"""

from __future__ import annotations

import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.core.files import digest_bytes, digest_file
from pipeline.core.image_files import picture_files
from pipeline.core.image_io import encode, read_rgb
from pipeline.night.engine.pool import night_pool
from pipeline.night.engine.translate_image import Task, Translated
from pipeline.night.records.translator import OutputFormat
from pipeline.runtime.machine import Machine, read_machine
from pipeline.runtime.memory import keep_freed_memory
from stages.unit_factory import UnitFactory
from unit.network.checkpoint import GeneratorPair, load_checkpoint, save_checkpoint
from unit.network.network import Generator
from unit.network.pixels import network_levels, to_pixels, to_range
from unit.network.settings import GeneratorSizes, UnitSettings
from unit.translation.translate import UnitTranslator

OUTPUT = OutputFormat(".jpg", 75)


@dataclass(frozen=True)
class Trial:
    """The images, weights and settings of all measurements."""

    checkpoint: Path
    settings: UnitSettings
    tasks: list[Task]

    def factory(self, machine: Machine, dtype: str) -> UnitFactory:
        """Build the translator as the stages do, for `dtype`."""
        return UnitFactory.on(machine, self.checkpoint, replace(self.settings, dtype=dtype))  # type: ignore[arg-type]


def seeded_pair(path: Path, dim: int) -> None:
    """Write a pair of generators of the published shape with random weights."""
    torch.manual_seed(0)
    a, b = (Generator(GeneratorSizes(dim, 2, 4)) for _ in "ab")
    for weight in (value for generator in (a, b) for value in generator.parameters() if value.ndim == 4):
        nn.init.kaiming_normal_(weight)
    save_checkpoint(path, a, b)


def draw_days(folder: Path, count: int, width: int, height: int) -> list[Task]:
    """Write views of the embedded city as JPEGs."""
    city = build_city(1, 3, 3)
    painter = Painter(city)
    tasks = []
    for number in range(count):
        street = city.streets[number % len(city.streets)]
        x, y = street.at(street.length / 2)
        view = painter.draw(Shot(float(x), float(y), 37.0 * number % 360, 4.0), "day", width, height)
        data = encode(view, ".jpg", quality=90)
        (folder / f"{number}.jpg").write_bytes(data)
        tasks.append(Task(str(folder / f"{number}.jpg"), digest_bytes(data)))
    return tasks


def pictures_in(folder: Path) -> list[Task]:
    """The images of a folder."""
    files = [folder / name for name in picture_files(folder)]
    return [Task(str(file), digest_file(file)) for file in files]


class PlainLoop:
    """One image after the other, eager float32, all threads."""

    def __init__(self, pair: GeneratorPair, trial: Trial, device: str) -> None:
        self.network = nn.Sequential(pair.a.enc, pair.b.dec).to(device)
        self.trial = trial
        self.device = device

    @torch.inference_mode()
    def __call__(self, tasks: list[Task]) -> None:
        """Translate JPEG to JPEG, in memory."""
        for task in tasks:
            pixels = read_rgb(Path(task.path))
            x = to_range(network_levels(pixels, self.trial.settings.shorter_side)[None].contiguous())
            night = to_pixels(self.network(x.to(self.device)), self.trial.settings.stretch)[0]
            encode(night, ".jpg", quality=OUTPUT.quality)


def repeated(tasks: list[Task], count: int) -> list[Task]:
    """`count` tasks, repeated from the first if needed."""
    return [tasks[number % len(tasks)] for number in range(count)]


def finished(answers: Iterator[tuple[Task, object]]) -> None:
    """Consume all answers; a failed image ends the benchmark."""
    for _, answer in answers:
        assert isinstance(answer, Translated), answer


def rate_of(factory: UnitFactory, trial: Trial, images: int, warm_up: int) -> tuple[float, str]:
    """Nights per second, JPEG to JPEG, and the numeric path; the first `warm_up` images are not timed."""
    with night_pool(factory, OUTPUT, trial.checkpoint.parent, factory.workers) as pool:
        finished(pool.run(repeated(trial.tasks, warm_up)))
        answers = pool.run(repeated(trial.tasks, images))
        rate = images / seconds_of(partial(finished, answers))
        return rate, pool.recipe.record["numeric_path"].partition(",")[0]


def seconds_of(work: Callable[[], object]) -> float:
    """Measure wall-clock seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ceiling(dtype: torch.dtype, device: str, threads: int) -> float:
    """GFLOP/s of a large matrix product, the best of five."""
    torch.set_num_threads(threads)
    side = 8192 if device == "cuda" else 2048
    one, other = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))

    def product() -> None:
        one @ other
        if device == "cuda":
            torch.cuda.synchronize()

    product()
    return 2 * side**3 / min(seconds_of(product) for _ in range(5)) / 1e9


def gflop(loop: PlainLoop) -> float:
    """Floating-point operations of the plain network for the first image, in billions."""
    with FlopCounterMode(display=False) as counter:
        loop(loop.trial.tasks[:1])
    return float(counter.get_total_flops()) / 1e9


def steps_of(trial: Trial, dtype: str) -> dict[str, float]:
    """CPU seconds of each step of one image on one thread, the best of four."""
    torch.set_num_threads(1)
    keep_freed_memory()
    translator = UnitTranslator(trial.checkpoint, replace(trial.settings, dtype=dtype))  # type: ignore[arg-type]
    best: dict[str, float] = {}
    data = Path(trial.tasks[0].path).read_bytes()
    for _ in range(4):
        marks = [time.process_time()]
        pixels = read_rgb(data)
        marks.append(time.process_time())
        picture = translator.prepare(pixels)
        marks.append(time.process_time())
        night = translator.translate([picture])[0]
        marks.append(time.process_time())
        encode(translator.finish(night, picture), ".jpg", quality=OUTPUT.quality)
        marks.append(time.process_time())
        for name, begin, end in zip(
            ("decode", "resize", "network", "encode"), marks, marks[1:], strict=False
        ):
            best[name] = min(best.get(name, end - begin), end - begin)
    return best


def psnr(trial: Trial, dtype: str) -> float:
    """The lowest PSNR (dB) of a night to the float32 night of the same image, by levels."""
    exact, other = (
        UnitTranslator(trial.checkpoint, replace(trial.settings, dtype=kind))  # type: ignore[arg-type]
        for kind in ("float32", dtype)
    )
    least = np.inf
    for task in trial.tasks:
        pixels = read_rgb(Path(task.path))
        error = np.square((exact(pixels).astype(float) - other(pixels)) / 255).mean()
        least = min(least, -10 * np.log10(max(error, 1e-12)))
    return float(least)


def processor() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights; random by default.")
@click.option("--dim", default=64, show_default=True, help="Width of the network with random weights.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder; views of the city by default.")
@click.option("--size", default="640x480", show_default=True, help="Size of the views.")
@click.option("--shorter-side", default=512, show_default=True, help="Of the network's input, pixels.")
@click.option("--images", default=8, show_default=True, help="Of a round; half for the plain loop.")
@click.option("--rounds", default=3, show_default=True, help="Rounds of all in turn; the best counts.")
@click.option("--dtype", "dtypes", multiple=True, default=("float32", "auto"), show_default=True)
def main(
    checkpoint: Path | None,
    dim: int,
    pictures: Path | None,
    size: str,
    shorter_side: int,
    images: int,
    rounds: int,
    dtypes: tuple[str, ...],
) -> None:
    """Print images/s, JPEG to JPEG, compared with a plain loop, shares of the steps, GFLOP/s and memory."""
    width, height = (int(part) for part in size.split("x"))
    machine = read_machine()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if checkpoint is None:
            checkpoint = folder / "drawn.pt"
            seeded_pair(checkpoint, dim)
        settings = UnitSettings("day2night", shorter_side, "minmax", "model", "network", "float32")
        days = pictures_in(pictures) if pictures else draw_days(folder, min(images, 8), width, height)
        trial = Trial(checkpoint, settings, days)
        report(trial, machine, images, rounds, dtypes)


def report(trial: Trial, machine: Machine, images: int, rounds: int, dtypes: tuple[str, ...]) -> None:
    """Measure and print."""
    pair = load_checkpoint(trial.checkpoint)
    factories = {dtype: trial.factory(machine, dtype) for dtype in dtypes}
    device = next(iter(factories.values())).device
    name = torch.cuda.get_device_name() if device == "cuda" else processor()
    print(f"{name}, {machine.workers} workers or threads, torch {torch.__version__}")
    plain = PlainLoop(pair, trial, device)
    torch.set_num_threads(machine.workers)
    # The first image of the loop only warms it up; its operations are counted.
    work = gflop(plain)
    print(f"network of width {pair.sizes.dim}, {work:,.0f} GFLOP per image")
    for number in (torch.float32, torch.bfloat16):
        print(f"matrix product in {number}: {ceiling(number, device, machine.workers):,.0f} GFLOP/s")
    rates: dict[str, list[float]] = {}
    paths = {}
    for _ in range(rounds):
        few = repeated(trial.tasks, max(2, images // 2))
        torch.set_num_threads(machine.workers)
        rates.setdefault("plain", []).append(len(few) / seconds_of(partial(plain, few)))
        for dtype, factory in factories.items():
            # All workers are started and warm before the clock starts.
            rate, paths[dtype] = rate_of(factory, trial, images, warm_up=3 * factory.workers)
            rates.setdefault(dtype, []).append(rate)
    print(f"\n{'':<28}{'images/s':>10}{'times plain':>13}{'GFLOP/s':>10}{'lowest PSNR':>12}")
    for kind, found in rates.items():
        label = paths.get(kind, "plain loop, float32")
        near = "" if kind in ("plain", "float32") or device == "cuda" else f"{psnr(trial, kind):9.1f} dB"
        ratio = max(found) / max(rates["plain"])
        print(f"{label:<28}{max(found):>10.3f}{ratio:>13.2f}{max(found) * work:>10,.0f}{near:>12}")
    print(
        f"peak memory of one worker: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:,.0f} MiB"
    )
    if device == "cpu":
        for dtype in dtypes:
            steps = steps_of(trial, dtype)
            shares = ", ".join(f"{step} {100 * t / sum(steps.values()):.1f} %" for step, t in steps.items())
            print(f"{dtype}: {sum(steps.values()):.2f} s per image on one thread: {shares}")


if __name__ == "__main__":
    main()
