"""What a step of an adaptation takes is predicted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from pipeline.compute.resources import memory
from pipeline.runtime.errors import DusklineError
from pipeline.vpr.adaptation.estimate import bytes_of_a_step, require_room_for_steps
from pipeline.vpr.adaptation.student import Lesson
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from tests.import_graph import ROOT
from tests.vpr.adaptation.runs import SETTINGS

# Peak of a process beyond what it held before, and what was predicted of it.
MEASURE = """
import resource, sys, torch
import numpy as np
from dataclasses import replace
from pathlib import Path
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.adaptation.estimate import bytes_of_a_step
from pipeline.vpr.adaptation.student import Lesson, student_of_ours
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from pipeline.vpr.training.losses import contrastive_loss
from pipeline.vpr.training.step import Learner
from tests.vpr.adaptation.runs import SETTINGS
torch.set_num_threads(1)
keep_freed_memory()
index, trainable, backbone = sys.argv[1:]
asked = replace(SETTINGS, index=index, trainable=trainable, height=448, width=448, batch=3)
network = NetworkSettings(backbone, "none", "all", "gem", l2="before_pool", stride=16)
if backbone.startswith("resnet"):
    network = NetworkSettings(backbone, "none", "all", "netvlad", 64)
teacher = build_network(network).eval()
student = student_of_ours(teacher, network, trainable)
for each in (teacher, student):
    each.to(memory_format=torch.channels_last)
lesson = Lesson(student, teacher if index == "keep" else None)
extraction = Extraction(torch.device("cpu"), 1)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
# As many batches as are read ahead and in the networks.
batches = [torch.randn(3 * 3, 3, 448, 448).contiguous(memory_format=torch.channels_last) for _ in range(3)]
def loss(descriptors, rows, group):
    near = torch.eye(3, dtype=torch.bool)
    return contrastive_loss(descriptors.unflatten(0, (-1, 3)), near, 0.1, group)
optimizer = torch.optim.Adam([value for value in lesson.parameters() if value.requires_grad])
learner = Learner(lesson, optimizer, loss, extraction.device, "off", extraction.group)
for pictures in batches:
    learner.learn(pictures, np.zeros((3, 3), np.int64))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) * 1024 - before
print(peak, bytes_of_a_step(asked, lesson, extraction))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "work",
    [
        ("keep", "all", "resnet18conv4"),
        ("rebuild", "all", "resnet18conv4"),
        ("keep", "late_layers", "resnet18conv4"),
        ("keep", "blocks.11", "vit_tiny_patch16_224"),
        ("rebuild", "all", "vit_tiny_patch16_224"),
    ],
)
def test_what_is_predicted_holds_and_is_not_far_off(work: tuple[str, str, str]) -> None:
    command = [sys.executable, "-c", MEASURE, *work]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    peak, predicted = map(int, done.stdout.split())
    assert peak < 1.1 * predicted
    assert predicted < 3 * peak


class OtherInTraining(nn.Module):
    """Gives something else while it is in train mode, as networks do whose loss is a part of them."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            raise ValueError("no labels")
        return self.convolution(x).mean((2, 3))


def test_a_network_is_measured_as_it_learns_and_an_index_that_stays_takes_less() -> None:
    network = OtherInTraining().eval()
    extraction = Extraction(torch.device("cpu"), 1)
    kept = bytes_of_a_step(SETTINGS, Lesson(network, network), extraction)
    assert kept < bytes_of_a_step(replace(SETTINGS, index="rebuild"), Lesson(network, None), extraction)


def test_a_step_that_would_not_fit_is_refused_with_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    lesson, extraction = Lesson(OtherInTraining().eval(), None), Extraction(torch.device("cpu"), 1)
    require_room_for_steps(SETTINGS, lesson, extraction)
    monkeypatch.setattr(memory, "available_bytes", lambda _: 1_000_000)
    with pytest.raises(DusklineError, match="a step of 3 places with their nights at 48x48") as caught:
        require_room_for_steps(SETTINGS, lesson, extraction)
    assert "train fewer layers" in caught.value.hint
