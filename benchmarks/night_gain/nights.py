"""The nights that are compared: photometric ones, and those of our translator."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.night_gain.pictures import Translate
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.translate_set import translate_set
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import MakeTranslator, OutputFormat
from stages.unit_factory import UnitFactory
from unit.data.domain_images import side_of_folder
from unit.network.settings import UnitSettings
from unit.training.settings import TrainSettings
from unit.training.train import train
from unit.translation.translate import UnitTranslator

# The translator is trained at 128x96. unit/weights/city.pt is the result.
TRANSLATOR = TrainSettings(
    dim=16, n_downsample=2, n_res=3, dis_dim=32, n_layer=4, num_scales=3, dis_norm="none", dis_augment=False,
    lr=4e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4, step_size=3000, gamma=0.5,
    gan_w=2.0, recon_x_w=10.0, recon_kl_w=0.01, cyc_x_w=10.0, recon_kl_cyc_w=0.01, vgg_w=0.0, edge_w=4.0,
    vgg_input="caffe", shorter_side=96, zoom=1.0, crop_height=96, crop_width=128, batch=1,
    iterations=6000, tied_iterations=400, ema_decay=0.998,
    autocast="bfloat16", checkpointing=False, keep="last", export="float16",
    save_every=250, sheet_every=1000, seed=2022,
)  # fmt: skip
_OUTPUT = OutputFormat(".jpg", 92)


def train_translator(unpaired: Path, folder: Path, device: str) -> Path:
    """Train our translator on unpaired images of the training streets; a stopped run resumes."""
    weights = folder / "ours.pt"
    if not weights.is_file():
        train(
            TRANSLATOR,
            side_of_folder(unpaired / "day"),
            side_of_folder(unpaired / "night"),
            weights,
            folder / "work",
            live=folder / "live",
            device=device,
        )
    return weights


def photometric_nights(days: ImageSet, folder: Path, style: str, workers: int) -> ImageSet:
    """The photometric night of every image of `days`."""
    return _nights(days, folder, partial(PhotometricTranslator, style), workers)


def our_nights(days: ImageSet, folder: Path, ours: Path, device: str, workers: int) -> ImageSet:
    """The night of every image of `days` by our translator."""
    settings = unit_settings(TRANSLATOR.shorter_side, "source")
    return _nights(days, folder, UnitFactory(ours, settings, device, workers), workers)


def _nights(days: ImageSet, folder: Path, translator: MakeTranslator, workers: int) -> ImageSet:
    if not folder.is_dir():
        store = folder.parent / f"{folder.name}_store"
        translate_set(days, folder, translator, _OUTPUT, store, workers=workers, max_failed=0.0)
    return ImageSet.open(folder)


def translators(ours: Path) -> Iterator[tuple[str, Translate]]:
    """The translators that are compared with the ground truth, by name."""
    yield "day images", lambda day: day
    yield "the paper's photometric night (`literal`)", PhotometricTranslator("literal")
    yield "photometric (`classical`)", PhotometricTranslator("classical")
    for detail in ("network", "source"):
        settings = unit_settings(TRANSLATOR.shorter_side, detail)
        yield f"ours, `detail: {detail}`", UnitTranslator(ours, settings)


def unit_settings(shorter_side: int, detail: str) -> UnitSettings:
    """Settings for float32, with output of the size of the day images."""
    return UnitSettings("day2night", shorter_side, "none", "source", detail, "float32")  # type: ignore[arg-type]
