"""The student network, which learns from the unchanged teacher."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from pipeline.runtime.errors import ParameterError
from pipeline.vpr.adaptation.settings import ALL
from pipeline.vpr.models.descriptor_model import Network, NetworkSettings, build_network
from pipeline.vpr.models.timm_backbones import WholeNetwork

# Images of a place in a batch.
PICTURES = 3


class Lesson(nn.Module):
    """Descriptors of a batch of places: by the student, and of positives by the teacher if there is one.

    (n * 3, 3, H, W), for each place its day query, its positive and its night query, to (n * 3, D). Both
    networks stay in eval mode (no dropout, fixed batch norm statistics), so that the teacher's descriptors
    are those of its index.
    """

    def __init__(self, student: nn.Module, teacher: nn.Module | None) -> None:
        super().__init__()
        self.student = student
        # In a list, so that it is no submodule: it is not trained, saved or moved with this module.
        self._teacher = [] if teacher is None else [teacher]

    def train(self, mode: bool = True) -> Lesson:  # noqa: ARG002 - it does not matter
        """Keep both in eval mode."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors of a batch, which may be empty in one of several processes."""
        if not len(x):
            # Many networks accept no empty batch. What is sliced away leaves gradients of 0.
            nothing: Tensor = self(x.new_zeros((PICTURES, *x.shape[1:])))[:0]
            return nothing
        if not self._teacher:
            descriptors: Tensor = self.student(x)
            return descriptors
        asks, positives, nights = x.unflatten(0, (-1, PICTURES)).unbind(1)
        with torch.no_grad():
            known = self._teacher[0](_together(positives))
        learnt = self.student(_together(torch.cat([asks, nights])))
        by_day, by_night = learnt.chunk(2)
        return torch.stack([by_day, known.to(learnt.dtype), by_night], 1).flatten(0, 1)


def _together(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)


def student_of_ours(teacher: Network, settings: NetworkSettings, trainable: str) -> Network:
    """A network with the weights of `teacher` whose stages from `trainable` on are trained.

    In a network that is not a sequence of stages, such as a transformer, the modules named by `trainable` are
    trained, and the aggregation. `ParameterError` when there is no such stage or module.
    """
    changed = settings_of_student(teacher, settings, trainable)
    student = build_network(replace(changed, weights="none"))
    # Splitting into frozen and learning layers changes the names, but not the order.
    values = dict(zip(student.state_dict(), teacher.state_dict().values(), strict=True))
    student.load_state_dict(values)
    if changed.trainable != trainable:
        for part in student.parts:
            let_learn(part.backbone, trainable)
    return student.eval()


def settings_of_student(teacher: Network, settings: NetworkSettings, trainable: str) -> NetworkSettings:
    """The teacher's settings, with the layers that the student trains."""
    is_whole = any(isinstance(module, WholeNetwork) for module in teacher.modules())
    return replace(settings, trainable=ALL if is_whole else trainable)


def let_learn(network: nn.Module, trainable: str) -> None:
    """Make trainable the modules that `trainable` names, separated by commas, or all; freeze everything else.

    A name may be the end of a longer name if only one module matches: blocks.11. `ParameterError` for a name
    that matches no module, several modules, or a module without parameters.
    """
    network.requires_grad_(requires_grad=False)
    if trainable == ALL:
        _let_all_learn(network)
        return
    modules = {name: module for name, module in network.named_modules() if name}
    for asked in (part.strip() for part in trainable.split(",")):
        found = [name for name in modules if name == asked] or [
            name for name in modules if name.endswith(f".{asked}")
        ]
        if len(found) != 1 or not any(True for _ in modules[found[0]].parameters()):
            raise ParameterError(
                f"trainable names {asked!r}, which is not one module with weights; known are"
                f" {_outline(modules)}",
                hint="list module names with commas, such as blocks.10, blocks.11; or set trainable: all",
            )
        _let_all_learn(modules[found[0]])


def _let_all_learn(module: nn.Module) -> None:
    for value in module.parameters():
        value.requires_grad_(value.is_floating_point())


def require_learning(lesson: Lesson, picture: Tensor) -> None:
    """Raise `ParameterError` when the descriptor of an image (1, 3, H, W) depends on no trainable weight."""
    if not lesson.student(picture.repeat(2, 1, 1, 1)).requires_grad:
        raise ParameterError(
            "the descriptors do not depend on the modules in trainable",
            hint="name other modules in trainable, or set trainable: all; if that fails too, the model's code"
            " computes without gradients (torch.no_grad)",
        )


def _outline(modules: dict[str, nn.Module]) -> str:
    """The names of a network's modules and their children, from its first fork on."""
    names = [name for name, module in modules.items() if any(True for _ in module.parameters())]
    # Modules that only wrap one other module are left out.
    wrapping = ""
    while len(inner := [name for name in names if name.rpartition(".")[0] == wrapping]) == 1:
        wrapping = inner[0]
    within = [
        name.removeprefix(f"{wrapping}.") for name in names if name.startswith(f"{wrapping}.") or not wrapping
    ]
    return ", ".join(name for name in within if name.count(".") <= 1)
