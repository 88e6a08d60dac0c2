"""The loss by hand, the two sides of a lesson, and what of a network learns."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pipeline.compute.distributed.group import ALONE
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.adaptation.student import (
    Lesson,
    let_learn,
    require_learning,
    settings_of_student,
    student_of_ours,
)
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
from pipeline.vpr.training.losses import contrastive_loss


class Colour(nn.Module):
    """Describes an image by its first two channels' means, times a factor each."""

    def __init__(self, *factors: float) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.tensor(factors, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))[:, :2] * self.factors


def batch() -> torch.Tensor:
    """Two places; of each what asks by day, its positive, what asks by night."""
    colours = [[3.0, 4.0, 0], [1, 0, 0], [0.6, 0.8, 0], [4, 3, 0], [0, 1, 0], [0.8, 0.6, 0]]
    return torch.tensor(colours)[:, :, None, None].expand(-1, -1, 2, 2)


def test_the_loss_is_that_worked_out_by_hand() -> None:
    student, teacher = Colour(1, 1), Colour(1, 1)
    descriptors = Lesson(student, teacher)(batch()).unflatten(0, (-1, 3))
    loss = contrastive_loss(descriptors, torch.eye(2, dtype=torch.bool), 0.2, ALONE)
    # Place 1 asks with (0.6, 0.8) for (1, 0) among (1, 0) and (0, 1): cosines 0.6 and 0.8, by 0.2. Place 2
    # is its mirror: it asks with (0.8, 0.6) for (0, 1). Days and nights look alike.
    one = -3 + math.log(math.exp(3) + math.exp(4))
    assert float(loss) == pytest.approx(2 * one, rel=1e-6)


def test_the_teacher_gets_no_gradient_and_its_positives_are_its_own() -> None:
    student, teacher = Colour(1, 2), Colour(1, 1)
    lesson = Lesson(student, teacher)
    descriptors = lesson(batch())
    assert torch.equal(descriptors[1::3], teacher(batch()[1::3]))
    assert torch.equal(descriptors[0::3], student(batch()[0::3]))
    assert torch.equal(descriptors[2::3], student(batch()[2::3]))
    descriptors.sum().backward()
    assert teacher.factors.grad is None
    assert student.factors.grad is not None
    assert [name for name, _ in lesson.named_parameters()] == ["student.factors"]


def test_without_a_teacher_positives_are_the_students_too() -> None:
    student = Colour(1, 2)
    assert torch.equal(Lesson(student, None)(batch()), student(batch()))


def test_both_compute_as_they_are_used_while_they_learn() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    lesson = Lesson(network, network)
    lesson.train()
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("trainable", ["all", "late_layers", "layer2"])
def test_a_student_of_ours_describes_as_its_teacher_wherever_it_begins_to_learn(trainable: str) -> None:
    settings = NetworkSettings("resnet18conv4", "none", "layer3", "netvlad", clusters=4)
    torch.manual_seed(1)
    teacher = build_network(settings).eval()
    student = student_of_ours(teacher, settings, trainable)
    assert settings_of_student(teacher, settings, trainable).trainable == trainable
    pictures = torch.randn(2, 3, 48, 48)
    assert torch.equal(student(pictures), teacher(pictures))
    learning = sum(value.numel() for value in student.parameters() if value.requires_grad)
    assert 0 < learning <= sum(value.numel() for value in teacher.parameters())
    assert (trainable == "all") == (learning == sum(value.numel() for value in teacher.parameters()))


def test_modules_of_others_learn_by_name() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    let_learn(network, "1.0, 0")
    assert all(value.requires_grad for value in network.parameters())
    let_learn(network, "1.0")
    assert [name for name, value in network.named_parameters() if value.requires_grad] == [
        "1.0.weight",
        "1.0.bias",
    ]
    for absent in ("2", "1.1"):
        with pytest.raises(
            ParameterError, match=f"trainable names '{absent}', which is not one module.* are 0, 1, 1.0"
        ):
            let_learn(network, absent)


class Headed(nn.Module):
    """Has a head that its descriptors do not pass, and a count besides weights; may let nothing learn."""

    def __init__(self, *, closed: bool = False) -> None:
        super().__init__()
        self.body = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)
        self.count = nn.Parameter(torch.tensor([1]), requires_grad=False)
        self.closed = closed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.closed):
            return self.body(x.mean((2, 3)))


@pytest.mark.parametrize(("trainable", "closed"), [("head", False), ("all", True)])
def test_what_has_no_part_in_the_descriptors_cannot_learn(trainable: str, closed: bool) -> None:
    network = Headed(closed=closed)
    let_learn(network, trainable)
    with pytest.raises(ParameterError, match="the descriptors do not depend on the modules"):
        require_learning(Lesson(network, None), torch.zeros(1, 3, 4, 4))


def test_what_counts_stays_while_all_learns() -> None:
    network = Headed()
    let_learn(network, "all")
    require_learning(Lesson(network, None), torch.zeros(1, 3, 4, 4))
    assert [name for name, value in network.named_parameters() if not value.requires_grad] == ["count"]


def test_of_a_transformer_the_last_blocks_learn_and_what_pools() -> None:
    settings = NetworkSettings("vit_tiny_patch16_224", "none", "all", "gem", l2="before_pool", stride=16)
    torch.manual_seed(1)
    teacher = build_network(settings).eval()
    student = student_of_ours(teacher, settings, "blocks.10, blocks.11")
    learning = {name for name, value in student.named_parameters() if value.requires_grad}
    assert {name.partition("blocks.")[2].partition(".")[0] for name in learning} == {"10", "11", ""}
    assert [name for name in learning if "blocks." not in name] == ["aggregation.pooling.p"]
    pictures = torch.randn(2, 3, 64, 48)
    assert torch.equal(student(pictures), teacher(pictures))
    with pytest.raises(ParameterError, match=r"trainable names 'blocks\.12', which is not one module"):
        student_of_ours(teacher, settings, "blocks.12")
    with pytest.raises(ParameterError, match="trainable names 'mlp', which is not one module") as caught:
        student_of_ours(teacher, settings, "mlp")
    # What only wraps the network is passed by.
    assert "known are patch_embed, patch_embed.proj, blocks, blocks.0, blocks.1," in caught.value.message


@pytest.mark.parametrize("teacher", [None, Colour(1, 1)])
def test_a_process_without_a_picture_has_gradients_too(teacher: nn.Module | None) -> None:
    student = Colour(1, 2)
    descriptors = Lesson(student, teacher)(batch()[:0])
    assert descriptors.shape == (0, 2)
    descriptors.sum().backward()
    assert torch.equal(student.factors.grad, torch.zeros(2))
