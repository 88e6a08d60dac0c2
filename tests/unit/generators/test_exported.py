"""Exported networks: opened only where they are trusted, and held to what they must give."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.runtime.errors import BadImageError, CheckpointError, DusklineError, ParameterError
from tests.unit.generators.files import PUBLISHED, assert_levels, file_of, picture
from unit.generators.exported import program_in
from unit.network.pixels import to_range
from unit.network.settings import UnitSettings
from unit.translation.batches import UnitBatchTranslator
from unit.translation.networks import holds_unit
from unit.translation.translate import UnitTranslator

# torch announces TorchScript's end; its files are out there.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")

TRUSTED = UnitSettings(**PUBLISHED.record(), trusted=True)  # type: ignore[arg-type]


@cache
def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.Tanh()
    return nn.Sequential(*layers).eval()


def traced(path: Path, module: nn.Module) -> Path:
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 16, 24)), str(path))
    return path


def scripted(path: Path, module: nn.Module) -> Path:
    torch.jit.save(torch.jit.script(module), str(path))
    return path


def exported(
    path: Path,
    module: nn.Module,
    *,
    free: bool = True,
    most: int | None = None,
    batch: Any = None,
    shape: tuple[int, ...] = (1, 3, 16, 24),
) -> Path:
    sides = {2: torch.export.Dim("height", min=8, max=most), 3: torch.export.Dim("width", min=8, max=most)}
    dynamic: Any = (sides | {0: batch},) if free else None
    torch.export.save(torch.export.export(module, (torch.zeros(shape),), dynamic_shapes=dynamic), path)
    return path


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("programs")
    return {
        "torchscript": traced(folder / "traced.pt", network()),
        "torch.export": exported(folder / "free.pt2", network()),
        "fixed": exported(folder / "fixed.pt2", network(), free=False),
    }


def changed(**changes: object) -> UnitSettings:
    return UnitSettings(**PUBLISHED.record() | {"trusted": True} | changes)  # type: ignore[arg-type]


def expected(pixels: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        y = network()(to_range(torch.from_numpy(pixels).permute(2, 0, 1))[None])[0]
    return ((y + 1) / 2 * 255).to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", ["torchscript", "torch.export"])
def test_it_makes_pictures_of_any_size(kind: str, programs: dict[str, Path]) -> None:
    translator = UnitTranslator(programs[kind], TRUSTED)
    for size in ((24, 16), (33, 27)):
        assert_levels(translator(picture(*size)), expected(picture(*size)))
    assert translator.record()["translator"] == kind
    pictures = [translator.prepare(picture(24, 16)), translator.prepare(picture(24, 16)[::-1].copy())]
    assert np.array_equal(translator.translate(pictures)[0], translator(picture(24, 16)))


@pytest.mark.parametrize("kind", ["torchscript", "torch.export"])
def test_it_is_opened_only_where_it_is_trusted(
    kind: str, programs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for opener in ("torch.jit.load", "torch.export.load", "torch.load"):
        monkeypatch.setattr(opener, None)
    with pytest.raises(CheckpointError, match="can run any code on this machine") as caught:
        UnitTranslator(programs[kind], PUBLISHED)
    assert "trusted: true" in caught.value.hint
    assert not holds_unit(programs[kind])


def test_trust_changes_no_digest(tmp_path: Path, programs: dict[str, Path]) -> None:
    path = file_of("cyclegan", tmp_path)
    assert UnitTranslator(path, TRUSTED).digest == UnitTranslator(path, PUBLISHED).digest
    assert "trusted" not in UnitTranslator(programs["torchscript"], TRUSTED).record()["settings"]


def test_what_a_file_is_shows_without_opening_it(programs: dict[str, Path], tmp_path: Path) -> None:
    assert program_in(programs["torchscript"]) == "torchscript"
    assert program_in(programs["fixed"]) == "torch.export"
    assert program_in(file_of("cyclegan", tmp_path)) is None
    assert program_in(tmp_path / "nowhere") is None


def test_a_package_of_machine_code_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "compiled.pt2", "w") as archive:
        archive.writestr("compiled/archive_format", "pt2")
        archive.writestr("compiled/data/aotinductor/model/code.so", b"")
    with pytest.raises(CheckpointError, match="is an AOTInductor package"):
        UnitTranslator(tmp_path / "compiled.pt2", TRUSTED)


def test_a_fixed_export_says_what_it_takes(programs: dict[str, Path]) -> None:
    translator = UnitTranslator(programs["fixed"], TRUSTED)
    assert_levels(translator(picture(24, 16)), expected(picture(24, 16)))
    alone = "30x20 pixels: the network was exported only for a width of 24 and a height of 16"
    with pytest.raises(BadImageError, match=alone):
        translator(picture(30, 20))
    small = UnitTranslator(programs["fixed"], changed(shorter_side=16, size="source"))
    assert small(picture(48, 32)).shape == (32, 48, 3)
    padded = UnitTranslator(programs["fixed"], changed(size_multiple=8))
    assert padded(picture(20, 12)).shape == (12, 20, 3)


def test_an_export_within_limits_says_them(tmp_path: Path) -> None:
    path = exported(tmp_path / "limited.pt2", network(), most=30)
    translator = UnitTranslator(path, TRUSTED)
    assert_levels(translator(picture(30, 9)), expected(picture(30, 9)))
    with pytest.raises(BadImageError, match=r"31x9 pixels: .* exported only for a width from 8 to 30;"):
        translator(picture(31, 9))
    with pytest.raises(BadImageError, match="for a width from 8 to 30 and a height from 8 to 30;"):
        translator(picture(7, 31))
    padded = UnitTranslator(path, changed(size_multiple=8))
    assert padded(picture(7, 5)).shape == (5, 7, 3)
    pairs = exported(tmp_path / "two.pt2", network(), shape=(2, 3, 16, 24), batch=torch.export.Dim.DYNAMIC)
    assert_levels(UnitTranslator(pairs, TRUSTED)(picture(24, 16)), expected(picture(24, 16)))
    unlimited = UnitTranslator(exported(tmp_path / "free.pt2", network()), TRUSTED)
    with pytest.raises(BadImageError, match="only for a height from 8;"):
        unlimited(picture(9, 7))


def test_a_multiple_is_padded_to_by_reflection(programs: dict[str, Path]) -> None:
    pixels = picture(13, 9)
    found = UnitTranslator(programs["torchscript"], changed(size_multiple=8))(pixels)
    padded = np.pad(pixels, ((0, 7), (0, 3), (0, 0)), mode="reflect")
    assert_levels(found, expected(padded)[:9, :13])


class Wrong(nn.Module):
    """Makes of images what `kind` says."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Any:
        """Something else than an image."""
        if self.kind == "grey":
            return x[:, :1]
        if self.kind == "halved":
            return x[..., ::2, ::2]
        if self.kind == "levels":
            return (x + 1) * 127.5
        if self.kind == "no number":
            return x * float("nan")
        return x, x


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("grey", r"returned \(1, 1, 16, 24\) for .*, expected \(1, 3, 16, 24\)"),
        ("halved", r"returned \(1, 3, 8, 12\) for .*, expected"),
        ("levels", "returned values between 0 and .*, expected -1 to 1"),
        ("no number", "returned values between nan and nan"),
        ("two", "returned tuple for .*, expected"),
    ],
)
def test_what_is_no_picture_is_refused(kind: str, said: str, tmp_path: Path) -> None:
    translator = UnitTranslator(traced(tmp_path / "wrong.pt", Wrong(kind)), TRUSTED)
    with pytest.raises(DusklineError, match=said) as caught:
        translator(picture(24, 16))
    assert "for an image of 24x16 pixels, expected" in caught.value.message
    assert ("size_multiple" in caught.value.hint) == (kind == "halved")


def test_a_program_that_fails_says_where(tmp_path: Path) -> None:
    frozen = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 16, 24)))
    translator = UnitTranslator(traced(tmp_path / "frozen.pt", frozen), TRUSTED)
    with pytest.raises(DusklineError, match=r"failed on an image of 26x16 pixels: .*(shape|size)") as caught:
        translator(picture(26, 16))
    assert "interpreter" not in caught.value.message
    assert "size_multiple" in caught.value.hint


@pytest.mark.parametrize(("shape", "said"), [((1, 1, 16, 24), "1, 1, 16"), ((2, 3, 16, 24), "2, 3, 16")])
def test_an_export_for_other_shapes_is_refused(shape: tuple[int, ...], said: str, tmp_path: Path) -> None:
    path = exported(tmp_path / "grey.pt2", nn.Tanh(), free=False, shape=shape)
    with pytest.raises(CheckpointError, match=rf"has an input of the shape \({said}.*expected one of \(N, 3"):
        UnitTranslator(path, TRUSTED)


@pytest.mark.parametrize("share", [0.3, 0.99])
@pytest.mark.parametrize("kind", ["torchscript", "torch.export"])
def test_damaged_programs(kind: str, share: float, programs: dict[str, Path], tmp_path: Path) -> None:
    data = programs[kind].read_bytes()
    path = tmp_path / "cut.pt2"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match=r"cannot be read|is not a checkpoint"):
        UnitTranslator(path, TRUSTED)
    with zipfile.ZipFile(programs[kind]) as whole, zipfile.ZipFile(path, "w") as some:
        for name in whole.namelist():
            some.writestr(name, whole.read(name)[:-7] if name.endswith(("json", "pkl")) else whole.read(name))
    with pytest.raises(CheckpointError, match="cannot be opened as"):
        UnitTranslator(path, TRUSTED)


def test_it_computes_in_its_own_numbers(tmp_path: Path) -> None:
    path = scripted(tmp_path / "half.pt", nn.Sequential(nn.Conv2d(3, 3, 1), nn.Tanh()).bfloat16())
    assert "bfloat16" in UnitTranslator(path, changed(dtype="auto")).record()["numeric_path"]
    with pytest.raises(ParameterError, match=r"dtype is float32, but .* computes in bfloat16"):
        UnitTranslator(path, TRUSTED)


@pytest.mark.parametrize("change", [{"norm_statistics": "image"}, {"dropout": "on"}])
def test_choices_that_mean_nothing(change: dict[str, object], programs: dict[str, Path]) -> None:
    with pytest.raises(ParameterError, match=r"has no effect on .*, an exported network"):
        UnitTranslator(programs["torchscript"], changed(**change))


@pytest.mark.parametrize("kind", ["torchscript", "torch.export", "fixed"])
def test_a_gpus_translator_takes_programs_too(kind: str, programs: dict[str, Path]) -> None:
    batches = UnitBatchTranslator(programs[kind], TRUSTED, "cpu", threads=2)
    days = [batches.prepare(np.roll(picture(24, 16), shift, axis=1)) for shift in range(3)]
    for day, night in zip(days, batches.translate(days), strict=True):
        assert_levels(night, expected(day.pixels))
