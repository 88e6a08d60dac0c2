"""Time each kind of translator, compared with UNIT: `python -m benchmarks.translators --help`.

Weights are random, which does not change the time. Each translator is built as in the workers, with one
thread.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from benchmarks.translate import processor, seeded_pair
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import Translator
from pipeline.runtime.memory import keep_freed_memory
from stages.places import SHIPPED
from unit.generators.layout import Layout, ResnetLayout, UnetLayout
from unit.network.settings import UnitSettings
from unit.translation.translate import UnitTranslator

SETTINGS = UnitSettings("day2night", None, "none", "source", "network", "float32")


def layouts(width: int) -> dict[str, Layout]:
    """The most common layouts, by name."""
    plain = ResnetLayout(width, "instance", True, 9, False, False, False)
    return {
        "ResNet, 9 blocks": plain,
        "ResNet, 6 blocks": replace(plain, blocks=6),
        "ResNet, 9 blocks, batch norm": replace(plain, norm="batch"),
        "CUT: ResNet, 9 blocks, antialiased": replace(plain, antialias_down=True, antialias_up=True),
        "U-Net 256": UnetLayout(width, "batch", False, 8),
    }


def drawn_state(layout: Layout) -> dict[str, torch.Tensor]:
    """A random state dict of a layout, with the true antialiasing filters."""
    torch.manual_seed(0)
    state = {key: torch.rand(shape) / max(math.prod(shape[1:]), 1) for key, shape in layout.shapes().items()}
    for key, shape in layout.filters.items():
        taps = torch.tensor([1.0, 2, 1] if shape[-1] == 3 else [1.0, 3, 3, 1])
        state[key] = (torch.outer(taps, taps) / 16).expand(shape).clone()
    return state


def traced(path: Path, translator: UnitTranslator) -> None:
    """Export a translator's network as TorchScript."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(translator.network, torch.zeros(1, 3, 64, 64)), str(path))


def translators(folder: Path, width: int, dtype: str) -> dict[str, Translator]:
    """A translator of each kind, UNIT's first."""
    settings = replace(SETTINGS, dtype=dtype)  # type: ignore[arg-type]
    seeded_pair(folder / "unit.pt", width)
    made: dict[str, Translator] = {"UNIT": UnitTranslator(folder / "unit.pt", settings)}
    for name, layout in layouts(width).items():
        torch.save(drawn_state(layout), folder / "drawn.pth")
        made[name] = UnitTranslator(folder / "drawn.pth", settings)
    if dtype == "float32":
        torch.save(drawn_state(layouts(width)["ResNet, 9 blocks"]), folder / "drawn.pth")
        traced(folder / "traced.pt", UnitTranslator(folder / "drawn.pth", settings))
        made["the first ResNet as TorchScript"] = UnitTranslator(
            folder / "traced.pt", replace(settings, trusted=True)
        )
    made[str(SHIPPED)] = UnitTranslator(SHIPPED, settings)
    made["classical"] = PhotometricTranslator("classical")
    return made


@click.command()
@click.option("--width", default=64, show_default=True, help="Channels after the first convolution.")
@click.option("--size", default="680x512", show_default=True, help="Of the image and the networks' input.")
@click.option("--rounds", default=3, show_default=True, help="Rounds of all in turn; the best counts.")
@click.option("--dtype", "dtypes", multiple=True, default=("float32", "auto"), show_default=True)
def main(width: int, size: str, rounds: int, dtypes: tuple[str, ...]) -> None:
    """Print seconds per image on one thread, and the speed-up over UNIT."""
    across, down = (int(part) for part in size.split("x"))
    pixels = np.random.default_rng(0).integers(0, 256, (down, across, 3), np.uint8)
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"{processor()}, torch {torch.__version__}, {size}, width {width}")
    for dtype in dtypes:
        with tempfile.TemporaryDirectory() as place:
            made = translators(Path(place), width, dtype)
        best = dict.fromkeys(made, np.inf)
        for _ in range(rounds):
            for name, translator in made.items():
                start = time.process_time()
                translator(pixels)
                best[name] = min(best[name], time.process_time() - start)
        path = made["UNIT"].record()["numeric_path"].partition(",")[0]
        print(f"\n{path:<38}{'s':>8}{'times UNIT':>12}")
        for name, seconds in best.items():
            print(f"{name:<38}{seconds:>8.3f}{best['UNIT'] / seconds:>12.2f}")


if __name__ == "__main__":
    main()
