"""The UNIT translator as night workers build it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unit.translate import UnitSettings, UnitTranslator


@dataclass(frozen=True)
class UnitFactory:
    """Builds the translator inside a worker, on one thread, so that bytes never depend on the workers."""

    checkpoint: Path
    settings: UnitSettings

    def __call__(self) -> UnitTranslator:
        """Load the checkpoint; called once in each worker."""
        import torch

        from unit.translate import UnitTranslator

        torch.set_num_threads(1)
        return UnitTranslator(self.checkpoint, self.settings)
