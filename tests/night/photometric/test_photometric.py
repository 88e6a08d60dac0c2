"""The paper's augmentation as Pillow and torchvision have it, and the translators made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click import Choice
from PIL import Image
from torchvision.transforms.v2 import functional

from pipeline.night.photometric.photometric import (
    STYLES,
    PhotometricTranslator,
    adjust_brightness,
    smart_night,
    solarize,
)
from pipeline.runtime.errors import ParameterError
from stages import photometric as stage
from stages import translate_folder
from tests.import_graph import ROOT

# Every level in every channel, in another order each.
LEVELS = np.stack([np.roll(np.arange(256, dtype=np.uint8), turn) for turn in (0, 85, 170)], axis=-1)[None]
THRESHOLDS = (0, 0.25, 1, 63, 0.25 * 255, 64, 127.5, 254.9, 255)
FACTORS = (0.0, 0.1, 0.3, 0.55, 0.7, 0.999, 1.0, 1.3, 2.5, 300.0)


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


def array(picture: torch.Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_solarize_is_torchvisions(threshold: float) -> None:
    ours = solarize(LEVELS, threshold)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.asarray(functional.solarize(Image.fromarray(LEVELS), threshold)))
    assert np.array_equal(ours, array(functional.solarize(tensor(LEVELS), threshold)))


@pytest.mark.parametrize("factor", FACTORS)
def test_brightness_is_torchvisions(factor: float) -> None:
    ours = adjust_brightness(LEVELS, factor)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.asarray(functional.adjust_brightness(Image.fromarray(LEVELS), factor)))
    assert np.array_equal(ours, array(functional.adjust_brightness(tensor(LEVELS), factor)))


@pytest.mark.parametrize(("style", "threshold"), [("literal", 0.25), ("meant", 0.25 * 255)])
def test_smart_styles_are_the_papers_on_a_picture_of_pillow(style: str, threshold: float) -> None:
    picture = Image.fromarray(LEVELS)
    wanted = functional.adjust_brightness(functional.solarize(picture, threshold), 0.55)
    assert np.array_equal(PhotometricTranslator(style)(LEVELS), np.asarray(wanted))


def test_the_literal_one_inverts_all_but_black_and_the_meant_one_a_quarter_less() -> None:
    grey = np.array([[[level] * 3 for level in (0, 1, 63, 64, 255)]], np.uint8)
    # 0.55 of 255 - level, fractions dropped.
    assert PhotometricTranslator("literal")(grey)[0, :, 0].tolist() == [0, 139, 105, 105, 0]
    assert PhotometricTranslator("meant")(grey)[0, :, 0].tolist() == [0, 0, 34, 105, 0]
    assert np.array_equal(smart_night(grey, 0.25, 0.55), PhotometricTranslator("literal")(grey))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (12, 16), (1, 3000), (3000, 1)])
def test_pictures_of_any_size_keep_it_and_are_left_alone(style: str, shape: tuple[int, int]) -> None:
    for level in (0, 128, 255):
        day = np.full((*shape, 3), level, np.uint8)
        day.flags.writeable = False
        night = PhotometricTranslator(style)(day)
        assert (night.shape, night.dtype) == (day.shape, np.uint8)
        assert (day == level).all()


def test_records_tell_styles_apart_and_know_their_constants() -> None:
    records = {style: PhotometricTranslator(style).record() for style in STYLES}
    for style, record in records.items():
        assert record["translator"] == "photometric"
        assert json.loads(record["settings"])["style"] == style
        assert len(record["checkpoint_digest"]) == 64
    assert json.loads(records["meant"]["settings"])["threshold"] == 63.75
    assert len({PhotometricTranslator(style).digest for style in STYLES}) == len(STYLES)
    assert len({record["checkpoint_digest"] for record in records.values()}) == len(STYLES)
    assert PhotometricTranslator("meant").digest == PhotometricTranslator("meant").digest
    # A table rounds the same everywhere; a filter may do otherwise in another release.
    assert records["literal"]["numeric_path"] == "table"
    assert records["classical"]["numeric_path"].startswith("opencv-")


@pytest.mark.parametrize("style", STYLES)
def test_the_estimate_of_memory_holds(style: str, tmp_path: Path) -> None:
    """The most memory of a process that makes one large night, beyond what it had before it."""
    day = tmp_path / "day.png"
    Image.fromarray(np.zeros((1800, 2400, 3), np.uint8)).save(day)
    script = f"""
from pathlib import Path
import numpy as np
from pipeline.core.files import digest_file
from pipeline.night.engine.translate_image import Task, attempt
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import OutputFormat
translator = PhotometricTranslator({style!r})
translator(np.zeros((20, 20, 3), np.uint8))
task = Task({str(day)!r}, digest_file(Path({str(day)!r})))
def most():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
before = most()
attempt(task, translator, OutputFormat(".jpg", 90))
print((most() - before) / translator.memory(2400, 1800))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 0.2 < float(done.stdout) < 1.1


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(ParameterError, match="'noir'; known are literal, meant, classical"):
        PhotometricTranslator("noir")


def test_the_commands_know_every_style() -> None:
    for command, name in ((stage.main, "style"), (translate_folder.main, "style")):
        kind = next(option.type for option in command.params if option.name == name)
        assert isinstance(kind, Choice)
        assert tuple(kind.choices) == STYLES
