"""What only a GPU can show of the translator; `python -m pytest -m gpu` where there is one (docs/gpu.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.translate import seeded_pair
from stages.unit_factory import UnitFactory
from tests.unit.generators.files import file_of
from tests.unit.golden import CHECKPOINT, arrays, draw_folders, tiny_settings
from unit.data.domain_images import side_of_folder
from unit.network.settings import UnitSettings
from unit.training.settings import TrainSettings
from unit.training.step import Trainer
from unit.training.train import TrainSummary, train
from unit.translation import batches
from unit.translation.batches import UnitBatchTranslator
from unit.translation.translate import UnitTranslator

pytestmark = pytest.mark.gpu

CITY = Path("unit/weights/city.pt")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the published shape: two generators of dim 64, drawn."""
    path = tmp_path_factory.mktemp("published") / "drawn.pt"
    seeded_pair(path, 64)
    return path


def days(count: int) -> list[np.ndarray]:
    pixels = arrays("input1_io.npz")["decoded_rgb"]
    return [np.ascontiguousarray(np.roll(pixels, 7 * number, axis=1)) for number in range(count)]


def nights(translator: UnitTranslator, count: int) -> list[np.ndarray]:
    pictures = [translator.prepare(pixels) for pixels in days(count)]
    return [
        translator.finish(night, picture)
        for night, picture in zip(translator.translate(pictures), pictures, strict=True)
    ]


def settings(dtype: str, detail: str = "network") -> UnitSettings:
    return UnitSettings("day2night", 128, "none", "model", detail, dtype)  # type: ignore[arg-type]


def levels_apart(one: list[np.ndarray], other: list[np.ndarray]) -> int:
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(one, other, strict=True))


def least_psnr(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    errors = (np.square((a.astype(float) - b) / 255).mean() for a, b in zip(one, other, strict=True))
    return float(min(-10 * np.log10(max(error, 1e-12)) for error in errors))


@pytest.mark.parametrize("weights", ["golden", "published", "city"])
@pytest.mark.parametrize("detail", ["network", "source"])
def test_float32_is_the_processors_within_a_level(weights: str, detail: str, published: Path) -> None:
    checkpoint = {"golden": CHECKPOINT, "published": published, "city": CITY}[weights]
    alone = UnitTranslator(checkpoint, settings("float32", detail))
    translator = UnitBatchTranslator(checkpoint, settings("float32", detail), "cuda", threads=2)
    assert levels_apart(nights(translator, 4), nights(alone, 4)) <= 1


@pytest.mark.parametrize("layout", ["cyclegan", "cut", "hedngan", "unet"])
def test_generators_of_others_are_the_processors_within_a_level(layout: str, tmp_path: Path) -> None:
    checkpoint = file_of(layout, tmp_path)
    alone = UnitTranslator(checkpoint, settings("float32"))
    translator = UnitBatchTranslator(checkpoint, settings("float32"), "cuda", threads=2)
    assert levels_apart(nights(translator, 4), nights(alone, 4)) <= 1


@pytest.mark.parametrize("weights", ["golden", "published", "city"])
def test_the_half_type_is_near(weights: str, published: Path) -> None:
    checkpoint = {"golden": CHECKPOINT, "published": published, "city": CITY}[weights]
    translator = UnitBatchTranslator(checkpoint, settings("auto"), "cuda", threads=2)
    alone = UnitTranslator(checkpoint, settings("float32"))
    assert least_psnr(nights(translator, 2), nights(alone, 2)) > 40


def test_neighbours_and_compilation_change_a_level_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    translator = UnitBatchTranslator(CHECKPOINT, settings("float32"), "cuda", threads=2)
    together = nights(translator, 4)
    alone = [nights(translator, number + 1)[number] for number in range(4)]
    monkeypatch.setattr(batches, "_COMPILE_AFTER", 0)
    translator.batch = 4
    compiled = nights(translator, 4)
    assert translator._compiles
    assert levels_apart(together, alone) <= 1
    assert levels_apart(together, compiled) <= 1


def test_in_the_half_type_they_change_what_rounding_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    translator = UnitBatchTranslator(CHECKPOINT, settings("auto"), "cuda", threads=2)
    together = nights(translator, 4)
    alone = [nights(translator, number + 1)[number] for number in range(4)]
    monkeypatch.setattr(batches, "_COMPILE_AFTER", 0)
    translator.batch = 4
    compiled = nights(translator, 4)
    assert translator._compiles
    assert least_psnr(together, alone) > 40
    assert least_psnr(together, compiled) > 40


def test_a_batch_beyond_the_memory_is_halved() -> None:
    translator = UnitBatchTranslator(CHECKPOINT, settings("float32"), "cuda", threads=2)
    wanted = nights(translator, 4)
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(free - (1 << 28), dtype=torch.uint8, device="cuda")
    translator.batch = 256
    found = nights(translator, 256)[:4]
    del held
    torch.cuda.empty_cache()
    assert translator.batch < 256
    assert levels_apart(found, wanted) <= 1


def test_the_stages_take_the_gpu_where_there_is_one() -> None:
    from pipeline.compute.device.precision import device_of

    translator = UnitFactory(CITY, settings("float32"), device_of("auto").type, 2)()
    assert isinstance(translator, UnitBatchTranslator)
    assert translator.record()["numeric_path"].startswith("cuda-float32")
    assert next(translator.network.parameters()).is_cuda
    assert all(buffer.is_cuda for buffer in translator.network.buffers())


def small(**changes: object) -> TrainSettings:
    values = {
        "dim": 8, "n_res": 2, "dis_dim": 8, "n_layer": 3, "edge_w": 2.0,
        "shorter_side": 32, "crop_height": 32, "crop_width": 40,
    }  # fmt: skip
    return tiny_settings(**values | changes)


def losses_of(trainer: Trainer, steps: int, noise_of: Trainer) -> list[dict[str, float]]:
    """Of so many steps, with the noise of another trainer: a GPU draws other noise."""
    trainer._noise = lambda iteration, x: tuple(  # type: ignore[method-assign]
        noise.to(trainer.device) for noise in noise_of._noise(iteration, x.cpu())
    )
    found = []
    for iteration in range(steps):
        rng = torch.Generator().manual_seed(iteration)
        x_a, x_b = (torch.rand(2, 3, 32, 40, generator=rng) * 2 - 1 for _ in "ab")
        found.append({name: float(loss) for name, loss in trainer.step(x_a, x_b, iteration).items()})
    return found


@pytest.mark.parametrize("norm", ["none", "batch", "instance", "layer"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_training_step_is_the_processors(norm: str, *, checkpointing: bool) -> None:
    of_run = small(dis_norm=norm, checkpointing=checkpointing)
    draws = Trainer(of_run)
    wanted = losses_of(Trainer(of_run), 3, draws)
    found = losses_of(Trainer(of_run, "cuda"), 3, draws)
    for step, (mine, theirs) in enumerate(zip(found, wanted, strict=True)):
        # Adam makes as much of gradients that are nothing but rounding as of others.
        assert mine == pytest.approx(theirs, rel=1e-4 if step == 0 else 1e-2), step


def test_a_training_step_in_bfloat16_is_near() -> None:
    draws = Trainer(small())
    (wanted,) = losses_of(Trainer(small()), 1, draws)
    (found,) = losses_of(Trainer(small(autocast="bfloat16"), "cuda"), 1, draws)
    assert found == pytest.approx(wanted, rel=3e-2)


def test_a_killed_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = draw_folders(tmp_path / "folders")
    of_run = tiny_settings(iterations=9, save_every=3, ema_decay=0.9, tied_iterations=2)

    def run(name: str) -> TrainSummary:
        root = tmp_path / name
        sides = [side_of_folder(folder) for folder in folders]
        return train(of_run, *sides, root / "gen.pt", root / "work", live=root / "live", device="cuda")

    wanted = run("whole")
    real = Trainer.step

    def step(self: Trainer, x_a: torch.Tensor, x_b: torch.Tensor, iteration: int) -> dict[str, torch.Tensor]:
        if iteration == 7:
            raise KeyboardInterrupt
        return real(self, x_a, x_b, iteration)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "step", step)
        run("parts")
    found = run("parts")
    assert found.started_at == 6
    # Sums on a GPU are made in an order that is not always the same.
    assert found.losses == pytest.approx(wanted.losses, rel=2e-2)
