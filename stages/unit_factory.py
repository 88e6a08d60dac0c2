"""The translator of a checkpoint, as worker processes build it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.runtime.machine import Machine
    from unit.network.settings import UnitSettings
    from unit.translation.translate import UnitTranslator


@dataclass(frozen=True)
class UnitFactory:
    """Builds the translator inside a worker.

    On a CPU it has one thread, so that bytes never depend on the number of workers; on a GPU, where one
    worker is enough, it translates batches, and `threads` threads read and write images.
    """

    checkpoint: Path
    settings: UnitSettings
    device: str
    threads: int

    @classmethod
    def on(cls, machine: Machine, checkpoint: Path, settings: UnitSettings) -> UnitFactory:
        """For the device that the machine's settings ask for."""
        from pipeline.compute.device.precision import device_of

        return cls(checkpoint, settings, device_of(machine.device).type, machine.workers)

    @property
    def workers(self) -> int:
        """How many processes to build it in."""
        return 1 if self.device == "cuda" else self.threads

    def __call__(self) -> UnitTranslator:
        """Load the checkpoint; called once in each worker."""
        import torch

        from pipeline.runtime.memory import keep_freed_memory
        from unit.translation.batches import UnitBatchTranslator
        from unit.translation.translate import UnitTranslator

        if self.device == "cuda":
            return UnitBatchTranslator(self.checkpoint, self.settings, self.device, self.threads)
        torch.set_num_threads(1)
        keep_freed_memory()
        return UnitTranslator(self.checkpoint, self.settings)


def as_published(checkpoint: Path) -> dict[str, Any]:
    """The settings with which the published scripts for this kind of checkpoint wrote their images."""
    from unit.translation.networks import holds_unit

    unit = holds_unit(checkpoint)
    return {"shorter_side": 512 if unit else None, "stretch": "minmax" if unit else "none"}
