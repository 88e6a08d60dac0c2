"""Numbers of generators of others: those of the published code, and of plain networks of every layout."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.runtime.errors import BadImageError, ParameterError
from tests.unit.generators.files import DATA, PUBLISHED, assert_levels, file_of, levels_of, picture
from tests.unit.generators.plain import LAYOUTS, Model, drawn
from unit.generators.convolutions import PictureDropout
from unit.network.pixels import to_range
from unit.network.settings import UnitSettings
from unit.translation.batches import UnitBatchTranslator
from unit.translation.networks import GENERATORS_REVISION, network_of
from unit.translation.translate import REVISION, UnitTranslator

SIZES = [(40, 32), (33, 27), (9, 7), (5, 5)]


def given(network: Model, own_statistics: bool = False) -> Model:
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train(own_statistics)
    return network


def settings(**changes: object) -> UnitSettings:
    return UnitSettings(**{**PUBLISHED.record(), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cyclegan_9blocks", "cut_antialias"])
def test_the_published_code_gave_these_numbers(name: str) -> None:
    # Grey 100 or 101: what the norms add to the variance, and how it is rounded, show nowhere else.
    pixels = np.asarray(Image.open(DATA / "input3_flat_32x24.png"))
    with np.load(DATA / "flat_outputs.npz") as stored:
        numbers, levels = stored[f"{name}_float16"], stored[f"{name}_uint8"]
    network = network_of(DATA / f"{name}.pth", PUBLISHED, "cpu")
    with torch.inference_mode():
        y = network.module(to_range(torch.from_numpy(pixels.copy()).permute(2, 0, 1))[None])
    assert np.abs(y.numpy() - numbers).max() < 5e-4
    assert_levels(UnitTranslator(DATA / f"{name}.pth", PUBLISHED)(pixels), levels, share=3e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "unet" not in name])
def test_resnets_run_as_the_plain_ones_at_any_size(
    layout: str, size: tuple[int, int], tmp_path: Path
) -> None:
    pixels = picture(*size)
    wanted = levels_of(drawn(LAYOUTS[layout]()), pixels)
    found = UnitTranslator(file_of(layout, tmp_path), PUBLISHED)(pixels)
    assert found.shape == (-(-size[1] // 4) * 4, -(-size[0] // 4) * 4, 3)
    assert_levels(found, wanted)
    night = UnitTranslator(file_of(layout, tmp_path), settings(size="source"))(pixels)
    assert np.array_equal(night, found[: size[1], : size[0]])


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "unet" in name])
def test_unets_run_as_the_plain_ones_where_sides_fit(layout: str, tmp_path: Path) -> None:
    pixels = picture(128, 64)
    found = UnitTranslator(file_of(layout, tmp_path), PUBLISHED)(pixels)
    assert_levels(found, levels_of(drawn(LAYOUTS[layout]()), pixels))


@pytest.mark.parametrize("size", [(40, 50), (9, 7), (1, 1)])
def test_unets_see_other_pictures_mirrored_and_cut(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = picture(*size)
    padded = np.pad(pixels, ((0, -size[1] % 32), (0, -size[0] % 32), (0, 0)), mode="reflect")
    wanted = levels_of(drawn(LAYOUTS["unet"]()), padded)[: size[1], : size[0]]
    assert_levels(UnitTranslator(file_of("unet", tmp_path), PUBLISHED)(pixels), wanted)


@pytest.mark.parametrize("layout", ["hedngan", "pix2pix resnet", "unet"])
def test_batch_norms_may_take_the_pictures_statistics(layout: str, tmp_path: Path) -> None:
    pixels = picture(64, 32)
    by_picture = UnitTranslator(file_of(layout, tmp_path), settings(norm_statistics="image"))
    wanted = levels_of(given(drawn(LAYOUTS[layout]()), own_statistics=True), pixels)
    assert_levels(by_picture(pixels), wanted)
    by_file = UnitTranslator(file_of(layout, tmp_path), PUBLISHED)
    assert np.abs(by_file(pixels).astype(int) - wanted).mean() > 3
    assert by_file.digest != by_picture.digest


@pytest.mark.parametrize("layout", ["dropout layout", "pix2pix resnet", "unet, dropout on a level"])
def test_dropout_is_the_pictures_own(layout: str, tmp_path: Path) -> None:
    one, other = picture(64, 64), picture(64, 64)[::-1].copy()
    path = file_of(layout, tmp_path)
    dropping = UnitTranslator(path, settings(dropout="on"))
    alone = dropping(one)
    assert np.abs(alone.astype(int) - UnitTranslator(path, PUBLISHED)(one)).mean() > 0.5
    dropping(other)
    assert np.array_equal(UnitTranslator(path, settings(dropout="on"))(one), alone)
    both = dropping.translate([dropping.prepare(other), dropping.prepare(one)])
    assert_levels(both[1], alone)


def test_dropout_drops_half_and_doubles_the_rest() -> None:
    x = torch.ones(2, 5, 40, 40)
    drop = PictureDropout(to_range(torch.from_numpy(np.stack([picture(8, 8)] * 2)).permute(0, 3, 1, 2)))
    first, second = drop(x), drop(x)
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert first.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    # The work store continues giving what was drawn: where this changes, raise GENERATORS_REVISION.
    assert zlib.crc32(second.byte().numpy().tobytes()) == 2_525_296_687


@pytest.mark.parametrize("layout", ["cyclegan", "cut", "hedngan", "unet"])
def test_bfloat16_is_near(layout: str, tmp_path: Path) -> None:
    path, pixels = file_of(layout, tmp_path), picture(64, 64)
    exact, rough = (UnitTranslator(path, settings(dtype=dtype))(pixels) for dtype in ("float32", "bfloat16"))
    assert 0 < np.abs(exact.astype(int) - rough).mean() < 3


@pytest.mark.parametrize("kind", ["compiled", "stats2018", "gpu"])
def test_containers_of_the_same_weights_are_the_same(kind: str) -> None:
    pixels = picture(40, 32)
    plain = UnitTranslator(DATA / "container_plain.pth", PUBLISHED)(pixels)
    assert np.array_equal(UnitTranslator(DATA / f"container_{kind}.pth", PUBLISHED)(pixels), plain)
    rounded = UnitTranslator(DATA / "container_float16.pth", PUBLISHED)(pixels)
    assert 0 < np.abs(rounded.astype(int) - plain).max() <= 2


def test_a_shorter_side_brings_pictures_there_and_back(tmp_path: Path) -> None:
    pixels = picture(61, 47)
    small = UnitTranslator(file_of("cyclegan", tmp_path), settings(shorter_side=24))(pixels)
    assert small.shape == (24, 32, 3)
    night = UnitTranslator(file_of("cyclegan", tmp_path), settings(shorter_side=24, size="source"))(pixels)
    assert night.shape == pixels.shape
    back = Image.fromarray(night).resize((31, 24), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(back).astype(int) - small[:, :31]).mean() < 25


@pytest.mark.parametrize("size", ["source", "model"])
def test_the_detail_of_the_day_is_laid_over_the_night(size: str, tmp_path: Path) -> None:
    pixels = picture(61, 47)
    night = UnitTranslator(file_of("cyclegan", tmp_path), settings(size=size, detail="source"))(pixels)
    assert night.shape == pixels.shape


def test_stretching_is_as_of_unit(tmp_path: Path) -> None:
    night = UnitTranslator(file_of("cyclegan", tmp_path), settings(stretch="minmax"))(picture(40, 32))
    assert (night.min(), night.max()) == (0, 255)


@pytest.mark.parametrize("layout", ["cyclegan", "cut", "pix2pix resnet", "unet"])
def test_batches_are_within_a_level_of_one_at_a_time(layout: str, tmp_path: Path) -> None:
    path, days = (
        file_of(layout, tmp_path),
        [np.roll(picture(45, 30), 7 * shift, axis=1) for shift in range(5)],
    )
    batches = UnitBatchTranslator(path, settings(size="source"), "cpu", threads=2)
    prepared = [batches.prepare(day) for day in days]
    nights = [
        batches.finish(night, day) for night, day in zip(batches.translate(prepared), prepared, strict=True)
    ]
    alone = UnitTranslator(path, settings(size="source"))
    for day, night in zip(days, nights, strict=True):
        assert night.shape == day.shape
        assert_levels(night, alone(day))


@pytest.mark.parametrize("layout", ["cyclegan", "cut", "pix2pix resnet", "unet"])
def test_a_compiler_sees_the_whole_network(layout: str, tmp_path: Path) -> None:
    module = network_of(file_of(layout, tmp_path), PUBLISHED, "cpu").module
    x = to_range(torch.from_numpy(picture(45, 30)).permute(2, 0, 1))[None]
    # A break in the graph would be an error.
    compiled = torch.compile(module, dynamic=False, fullgraph=True, backend="eager")
    with torch.inference_mode():
        assert torch.equal(compiled(x), module(x))


def test_pictures_too_small_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match=r"9x4 pixels is too small .*, which needs at least 5"):
        UnitTranslator(file_of("cyclegan", tmp_path), PUBLISHED)(picture(9, 4))
    with pytest.raises(ParameterError, match="shorter_side must be at least 5"):
        UnitTranslator(file_of("cyclegan", tmp_path), settings(shorter_side=4))


def test_pictures_too_large_are_named(tmp_path: Path) -> None:
    translator = UnitTranslator(file_of("cyclegan", tmp_path), PUBLISHED)
    with pytest.raises(BadImageError, match="more than the limit of 16,000,000 pixels"):
        translator.prepare(np.zeros((4001, 4000, 3), np.uint8))
    # The network never sees it.
    assert translator.memory(4000, 4001) < translator.memory(4000, 4000)


def test_a_record_tells_kind_layout_and_revision(tmp_path: Path) -> None:
    record = UnitTranslator(file_of("unet", tmp_path), PUBLISHED).record()
    assert record["translator"] == "unet"
    told = json.loads(record["settings"])
    assert told["network"] == {"width": 2, "norm": "batch", "biased": False, "halvings": 5}
    assert told["padded_to"] == 32
    assert told["shorter_side"] is None
    assert record["numeric_path"].endswith(f"revision {REVISION}, generators {GENERATORS_REVISION}")
