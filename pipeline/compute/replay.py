"""Work on a CUDA device that is recorded once, and then repeated as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

_LOG = logging.getLogger(__name__)

# Calls before one is recorded: the first ones choose kernels and make an optimizer's state.
_BEFORE = 4

Work = Callable[..., dict[str, Tensor]]


class Replayed:
    """`work`, whose kernels a CUDA device runs as they were recorded, for inputs of the same shapes.

    Small networks keep a GPU waiting: to start a kernel takes the processor longer than the kernel takes.
    Recorded, some thousand kernels start as one (a CUDA graph). `work` takes tensors on the device, may
    change weights and moments in place, and may wait for nothing; what it gives is copied. Where it cannot be
    recorded it is done as before, which the log tells.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._given: dict[str, Tensor] = {}

    @property
    def recorded(self) -> bool:
        """Whether the work is repeated from a recording by now."""
        return self._graph is not None

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What `work` gives for these inputs."""
        self._calls += 1
        if self._calls == _BEFORE + 1:
            self._record(inputs)
        if self._graph is None or [x.shape for x in inputs] != [x.shape for x in self._inputs]:
            return self._work(*inputs)
        for kept, new in zip(self._inputs, inputs, strict=True):
            kept.copy_(new)
        self._graph.replay()
        return dict(zip(self._given, torch.stack(list(self._given.values())).unbind(), strict=True))

    def _record(self, inputs: tuple[Tensor, ...]) -> None:
        kept = tuple(x.clone() for x in inputs)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                given = self._work(*kept)
        except RuntimeError as error:  # something waits for the device, or memory for a second copy is short
            _LOG.warning("goes on without a recording: %s", error)
            return
        self._graph, self._inputs, self._given = graph, kept, given
