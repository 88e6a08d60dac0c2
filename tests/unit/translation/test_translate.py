import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.compute.device.precision import resolve
from pipeline.core.files import digest_file
from pipeline.core.image_io import encode, read_rgb
from pipeline.runtime.errors import BadImageError, ParameterError
from tests.unit.golden import CHECKPOINT, DATA, LEGACY, arrays, document
from unit.network.checkpoint import load_checkpoint, save_checkpoint
from unit.network.network import Generator
from unit.network.pixels import network_levels, to_pixels, to_range
from unit.network.settings import GeneratorSizes, UnitSettings
from unit.translation.translate import REVISION, UnitTranslator

PUBLISHED = UnitSettings("day2night", 128, "minmax", "model", "network", "float32")
INPUTS = {"input1": "input1_160x120.jpg", "input2": "input2_123x93.jpg"}


def changed(**changes: object) -> UnitSettings:
    return dataclasses.replace(PUBLISHED, **changes)  # type: ignore[arg-type]


def assert_levels(found: np.ndarray, wanted: np.ndarray, share: float = 1e-3) -> None:
    """Within one level, and that on isolated pixels only."""
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    off = np.abs(found.astype(int) - wanted)
    assert off.max() <= 1
    assert np.count_nonzero(off) <= share * off.size


@pytest.mark.parametrize("name", INPUTS)
def test_pictures_are_decoded_and_resized_as_published(name: str) -> None:
    golden = arrays(f"{name}_io.npz")
    pixels = read_rgb(DATA / INPUTS[name])
    assert np.array_equal(pixels, golden["decoded_rgb"])
    extra = arrays(f"{name}_extra.npz")
    for shorter_side, wanted in ((128, golden["input"]), (64, extra["input_S64"]), (93, extra["input_S93"])):
        assert np.array_equal(to_range(network_levels(pixels, shorter_side))[None].numpy(), wanted)


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("checkpoint", [CHECKPOINT, LEGACY], ids=["new", "legacy"])
def test_day_to_night(name: str, checkpoint: Path) -> None:
    golden = arrays(f"{name}_io.npz")
    night = UnitTranslator(checkpoint, PUBLISHED)(golden["decoded_rgb"])
    assert_levels(night, golden["uint8_a2b"])


@pytest.mark.parametrize("name", INPUTS)
def test_night_to_day(name: str) -> None:
    pixels = arrays(f"{name}_io.npz")["decoded_rgb"]
    day = UnitTranslator(CHECKPOINT, changed(direction="night2day"))(pixels)
    assert_levels(day, arrays(f"{name}_extra.npz")["uint8_b2a"])


@pytest.mark.parametrize("name", INPUTS)
def test_the_writer_itself(name: str) -> None:
    golden = torch.from_numpy(arrays(f"{name}_io.npz")["input"])
    assert np.array_equal(to_pixels(golden, "minmax")[0], arrays(f"{name}_extra.npz")["uint8_input"])


def test_the_jpeg_file_as_written() -> None:
    golden = arrays("input1_io.npz")
    night = UnitTranslator(CHECKPOINT, PUBLISHED)(golden["decoded_rgb"])
    written = read_rgb(encode(golden["uint8_a2b"], ".jpg", quality=75))
    assert np.array_equal(written, read_rgb(DATA / "input1_a2b_as_written.jpg"))
    ours = read_rgb(encode(night, ".jpg", quality=75))
    assert np.abs(ours.astype(int) - written).mean() < 0.2


def test_facts_of_the_range() -> None:
    facts = document("facts.json")["input1"]
    with torch.inference_mode():
        pair = load_checkpoint(CHECKPOINT)
        y = pair.b.dec(pair.a.enc(torch.from_numpy(arrays("input1_io.npz")["input"])))
    assert y.min().item() == pytest.approx(facts["out_min"], abs=1e-5)
    assert y.max().item() == pytest.approx(facts["out_max"], abs=1e-5)


def test_stretch_none_keeps_the_grey_levels() -> None:
    y = torch.tensor([-1.0, -0.999, 0.0, 0.5, 0.998, 1.0]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6)
    # (y + 1) / 2 * 255 + 0.5, truncated.
    assert to_pixels(y, "none")[0, 0, :, 0].tolist() == [0, 0, 128, 191, 255, 255]
    assert to_pixels(y, "none").shape == (1, 1, 6, 3)


def test_stretch_minmax_of_one_colour_is_black() -> None:
    assert not to_pixels(torch.full((1, 3, 4, 4), 0.3), "minmax").any()


def test_stretch_minmax_fills_the_range_over_all_channels() -> None:
    y = torch.zeros(1, 3, 2, 2)
    y[0, 0, 0, 0], y[0, 2, 1, 1] = -0.25, 0.25
    stretched = to_pixels(y, "minmax")[0]
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert stretched[0, 1].tolist() == [128, 128, 128]


@pytest.mark.parametrize("shorter_side", [64, 93])
def test_size_source_is_the_size_given(shorter_side: int) -> None:
    pixels = arrays("input2_io.npz")["decoded_rgb"]
    model = UnitTranslator(CHECKPOINT, changed(shorter_side=shorter_side))(pixels)
    source = UnitTranslator(CHECKPOINT, changed(shorter_side=shorter_side, size="source"))(pixels)
    assert source.shape == pixels.shape
    shrunk = Image.fromarray(source).resize((model.shape[1], model.shape[0]), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(shrunk).astype(int) - model).mean() < 8


def test_size_source_leaves_a_picture_that_fits_alone() -> None:
    pixels = np.ascontiguousarray(arrays("input1_io.npz")["decoded_rgb"])
    assert pixels.shape == (120, 160, 3)
    both = [
        UnitTranslator(CHECKPOINT, changed(shorter_side=120, size=s))(pixels) for s in ("model", "source")
    ]
    assert np.array_equal(*both)


@settings(max_examples=20)
@given(height=st.integers(12, 70), width=st.integers(12, 70), shorter_side=st.integers(12, 40))
def test_output_sides(height: int, width: int, shorter_side: int) -> None:
    network = Generator(GeneratorSizes(2, 2, 1))
    buffer = io.BytesIO()
    torch.save({"a": network.state_dict(), "b": network.state_dict()}, buffer)
    x = to_range(network_levels(np.zeros((height, width, 3), np.uint8), shorter_side))[None]
    short, long = sorted(x.shape[2:])
    assert short == shorter_side
    assert long == max(height, width) * shorter_side // min(height, width)
    assert (x.shape[2] <= x.shape[3]) == (height <= width) or short == long
    with torch.inference_mode():
        y = network.dec(network.enc(x))
    assert to_pixels(y, "none").shape == (1, 4 * (x.shape[2] // 2 // 2), 4 * (x.shape[3] // 2 // 2), 3)


def test_a_picture_alone_and_after_others_is_the_same() -> None:
    first, second = (arrays(f"{name}_io.npz")["decoded_rgb"] for name in INPUTS)
    translator = UnitTranslator(CHECKPOINT, PUBLISHED)
    alone = translator(second)
    translator(first)
    assert np.array_equal(translator(second), alone)


def test_read_only_pixels_are_left_alone() -> None:
    pixels = arrays("input1_io.npz")["decoded_rgb"].copy()
    pixels.setflags(write=False)
    before = pixels.tobytes()
    UnitTranslator(CHECKPOINT, PUBLISHED)(pixels)
    assert pixels.tobytes() == before


def test_record_and_digest() -> None:
    record = UnitTranslator(CHECKPOINT, PUBLISHED).record()
    assert record["translator"] == "unit"
    assert record["checkpoint_digest"] == digest_file(CHECKPOINT)
    # What only other generators are asked for would make other nights of all that there are.
    assert json.loads(record["settings"]) == {
        "direction": "day2night",
        "shorter_side": 128,
        "stretch": "minmax",
        "size": "model",
        "detail": "network",
        "dtype": "float32",
    }
    assert record["numeric_path"] == f"{resolve('float32', 'cpu').path}, revision {REVISION}"
    assert UnitTranslator(CHECKPOINT, PUBLISHED).digest == UnitTranslator(CHECKPOINT, PUBLISHED).digest


def test_every_setting_and_the_checkpoint_are_in_the_digest(tmp_path: Path) -> None:
    pair = load_checkpoint(CHECKPOINT)
    save_checkpoint(tmp_path / "swapped.pt", pair.b, pair.a)
    digests = {
        UnitTranslator(checkpoint, chosen).digest
        for checkpoint, chosen in (
            (CHECKPOINT, PUBLISHED),
            (tmp_path / "swapped.pt", PUBLISHED),
            (CHECKPOINT, changed(direction="night2day")),
            (CHECKPOINT, changed(shorter_side=64)),
            (CHECKPOINT, changed(stretch="none")),
            (CHECKPOINT, changed(size="source")),
            (CHECKPOINT, changed(dtype="bfloat16")),
        )
    }
    assert len(digests) == 7


def test_auto_is_what_it_resolves_to() -> None:
    auto = UnitTranslator(CHECKPOINT, changed(dtype="auto"))
    dtype = str(resolve("auto", "cpu").dtype).removeprefix("torch.")
    named = UnitTranslator(CHECKPOINT, changed(dtype=dtype))
    pixels = arrays("input2_io.npz")["decoded_rgb"]
    assert auto.record()["numeric_path"] == named.record()["numeric_path"]
    assert np.array_equal(auto(pixels), named(pixels))


@pytest.mark.parametrize("name", INPUTS)
def test_bfloat16_is_near(name: str) -> None:
    golden = arrays(f"{name}_io.npz")
    rough = UnitTranslator(CHECKPOINT, changed(dtype="bfloat16"))(golden["decoded_rgb"])
    error = (rough.astype(float) - golden["uint8_a2b"]) / 255
    assert -10 * np.log10(np.square(error).mean()) > 40


@pytest.mark.parametrize(
    "change",
    [{"direction": "a2b"}, {"stretch": True}, {"size": "half"}, {"dtype": "float16"}, {"shorter_side": 0}],
)
def test_impossible_settings(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        changed(**change)


def test_a_side_too_short_for_the_network() -> None:
    with pytest.raises(ParameterError, match="shorter_side must be at least 8"):
        UnitTranslator(CHECKPOINT, changed(shorter_side=7))
    tiny = UnitTranslator(CHECKPOINT, changed(shorter_side=8))(np.zeros((1, 1, 3), np.uint8))
    assert tiny.shape == (8, 8, 3)


def test_a_strip_that_would_unfold_is_refused() -> None:
    with pytest.raises(BadImageError, match="20000x1 pixels would be 128x2560000 in the network"):
        UnitTranslator(CHECKPOINT, PUBLISHED)(np.zeros((1, 20000, 3), np.uint8))
    with pytest.raises(BadImageError, match="200000x128 pixels would be 128x200000 in the network"):
        network_levels(np.zeros((128, 200_000, 3), np.uint8), 128)


def test_memory_grows_with_the_longer_side_until_pictures_are_refused() -> None:
    translator = UnitTranslator(CHECKPOINT, PUBLISHED)
    square, wide, absurd = (translator.memory(*size) for size in ((640, 640), (1280, 640), (20_000, 1)))
    assert square < wide < 2 * square + 30 * 640 * 640
    assert translator.memory(640, 1280) == wide
    # The network never sees it; what is left is the image itself.
    assert absurd < 1_000_000
