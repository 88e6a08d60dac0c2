"""What a training says it will take, against what it takes."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.runtime.errors import DusklineError
from tests.import_graph import ROOT
from tests.unit.golden import draw_folders, tiny_settings
from unit.data.domain_images import side_of_folder
from unit.training import train as training
from unit.training.estimate import Timing, in_words, memory_of_training
from unit.training.settings import TrainSettings
from unit.training.train import train
from unit.training.vgg import VggFeatures

MEASURED = """
import sys, torch
from tests.unit.training.test_estimate import settings
from unit.training.step import Trainer
from pipeline.runtime.memory import keep_freed_memory
torch.set_num_threads(1)
keep_freed_memory()
one = settings(**eval(sys.argv[1]))
trainer = Trainer(one)
pictures = [torch.rand(one.batch, 3, one.crop_height, one.crop_width) * 2 - 1 for _ in "ab"]
for iteration in range(2):
    trainer.step(*pictures, iteration)
# Not getrusage, whose peak is the parent's where that was larger.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024)
"""


def settings(**changes: Any) -> TrainSettings:
    return replace(
        tiny_settings(),
        **{
            "dim": 32, "n_downsample": 2, "n_res": 3, "dis_dim": 32, "n_layer": 4, "num_scales": 3,
            "batch": 1, "shorter_side": 512, "crop_height": 96, "crop_width": 128, "tied_iterations": 0,
            "autocast": "off", "checkpointing": False,
        }
        | changes,
    )  # fmt: skip


def estimate(arithmetic: str = "off", features: torch.nn.Module | None = None, **changes: Any) -> int:
    one = settings(**changes)
    return memory_of_training(one, one.batch, arithmetic, features)


@pytest.mark.parametrize(
    "larger",
    [{"dim": 48}, {"dis_dim": 64}, {"crop_height": 192}, {"batch": 2}, {"n_res": 6}, {"n_downsample": 1}],
)
def test_more_of_anything_takes_more(larger: dict[str, Any]) -> None:
    assert estimate(**larger) > estimate()


def test_checkpointing_and_bfloat16_take_less_and_the_perceptual_term_more() -> None:
    large = {"crop_height": 288, "crop_width": 512, "dim": 64, "dis_dim": 64, "n_res": 4}
    plain = estimate(**large)
    assert estimate("bfloat16", **large) < 0.7 * plain
    assert estimate("bfloat16", checkpointing=True, **large) < 0.45 * plain
    assert estimate(features=VggFeatures("caffe"), **large) > 1.1 * plain


def test_the_published_size_takes_what_it_was_measured_to() -> None:
    large = {"crop_height": 288, "crop_width": 512, "dim": 64, "dis_dim": 64, "n_res": 4}
    for found, gib in (
        (estimate("bfloat16", **large), 5.7),
        (estimate("bfloat16", checkpointing=True, **large), 3.4),
    ):
        assert found / 2**30 == pytest.approx(gib, rel=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch": 2},
        {"checkpointing": True, "crop_height": 192, "crop_width": 256},
        {"crop_height": 192, "crop_width": 256, "n_downsample": 1},
        {"autocast": "bfloat16", "crop_height": 192, "crop_width": 256},
    ],
    ids=str,
)
def test_a_process_takes_what_was_estimated(changes: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, repr(changes)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = estimate(changes.get("autocast", "off"), **changes)
    assert found == pytest.approx(int(done.stdout), rel=0.3)


def test_what_does_not_fit_is_refused_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, night = map(side_of_folder, draw_folders(tmp_path))
    monkeypatch.setattr("pipeline.compute.resources.memory.available_memory", lambda: 500_000_000)
    monkeypatch.setattr("pipeline.compute.resources.memory.kept_memory", lambda: 0)
    monkeypatch.setattr(training, "Trainer", None)
    with pytest.raises(
        DusklineError, match=r"this training run would take about 0\.8 GB .* 0\.5 GB are free"
    ) as caught:
        train(tiny_settings(), day, night, tmp_path / "gen.pt", tmp_path / "work", live=tmp_path / "live")
    assert "set checkpointing: true or autocast: auto" in str(caught.value)
    assert not (tmp_path / "gen.pt").exists()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "unit")
    return caplog


def test_a_run_says_what_it_will_take_and_the_next_one_knows_its_time(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    day, night = map(side_of_folder, draw_folders(tmp_path))

    def run(name: str, **changes: Any) -> list[str]:
        log.clear()
        one = replace(tiny_settings(), iterations=8, tied_iterations=2, **changes)
        train(one, day, night, tmp_path / name, tmp_path / "work", live=tmp_path / "live")
        return log.messages

    first = run("one.pt")
    assert len(first) == 2
    assert first[0].startswith(
        "about 0.8 GB of memory; 8 iterations left; the time is shown after iteration 6"
    )
    assert " s per iteration: " in first[1]
    assert first[1].endswith(" left")
    known = json.loads((tmp_path / "work" / "seconds.json").read_text())
    assert len(known) == 1
    again = run("two.pt", seed=5)
    assert re.fullmatch(
        r"about 0\.8 GB of memory; 8 iterations left; \d+ seconds at [\d.]+ s each, as measured before",
        again[0],
    )
    other = run("three.pt", edge_w=1.0)
    assert "the time is shown after iteration 6" in other[0]


def test_a_damaged_record_of_times_is_as_none(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    (tmp_path / "seconds.json").write_text("{")
    timing = Timing(settings(iterations=100), "cpu", tmp_path)
    timing.announce(2_500_000_000, 0)
    assert log.messages == [
        "about 2.5 GB of memory; 100 iterations left; the time is shown after iteration 4"
    ]
    for iteration in range(10):
        timing.done(iteration)
    assert len(log.messages) == 2
    assert len(json.loads((tmp_path / "seconds.json").read_text())) == 1


def test_a_run_that_is_nearly_over_has_nothing_to_say_of_time(
    tmp_path: Path, log: pytest.LogCaptureFixture
) -> None:
    timing = Timing(settings(iterations=100), "cpu", tmp_path)
    timing.announce(2_500_000_000, 98)
    for iteration in (98, 99):
        timing.done(iteration)
    assert log.messages == ["about 2.5 GB of memory; 2 iterations left"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 seconds"), (119, "119 seconds"), (121, "2 minutes"), (7300, "2 hours"), (2.6e5, "3 days")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
