"""Keys of results that are kept between runs: each holds all code that made them, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core import code_digest
from pipeline.datasets.formatting import resume
from pipeline.vpr.evaluation import descriptor_cache
from pipeline.vpr.training import training
from tests.import_graph import modules_used
from tests.stage_rooms import EXEMPT, room_of
from unit.training import train

# The modules that make what is kept, and the rooms whose code is in its key.
KEPT = {
    "images of a half-done set": (
        ("pipeline/datasets/formatting/forms.py", "pipeline/datasets/formatting/build_set.py"),
        resume.ROOMS,
    ),
    "a translator's weights": (("unit/training/train.py",), train.ROOMS),
    "a recogniser's weights": (("pipeline/vpr/training/training.py",), training.ROOMS),
    "descriptors": (
        ("pipeline/vpr/evaluation/place_search.py", "pipeline/vpr/evaluation/ray_extraction.py"),
        descriptor_cache.ROOMS,
    ),
}


def lies_in(module: Path, room: str) -> bool:
    return module.is_relative_to(room)


@pytest.mark.parametrize("kept", KEPT)
def test_the_key_holds_the_code_of_every_module_that_makes_it(kept: str) -> None:
    makers, rooms = KEPT[kept]
    used = {module for maker in makers for module in modules_used(Path(maker))}
    used = {module for module in used if room_of(module) not in EXEMPT}
    assert used >= {Path(maker) for maker in makers}
    assert [module for module in sorted(used) if not any(lies_in(module, room) for room in rooms)] == []
    assert [room for room in rooms if not any(lies_in(module, room) for module in used)] == []


@pytest.mark.parametrize(
    ("rooms", "key"),
    [
        (resume.ROOMS, lambda: resume.resume_key(Path("no raw data"))),
        (descriptor_cache.ROOMS, descriptor_cache.describing_digest),
    ],
)
def test_a_key_follows_the_code_of_each_room(
    rooms: tuple[str, ...], key: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_digest, "SOURCE", tmp_path)
    modules = [tmp_path / room / "within" / "module.py" for room in rooms]
    for module in modules:
        module.parent.mkdir(parents=True)
        module.write_text("FACTOR = 1\n")
    seen = [key(), key()]
    for module in modules:
        module.write_text("FACTOR = 2\n")
        seen.append(key())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 1 + len(rooms)
