"""Computing descriptors for an evaluation: the interface, and the local implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from pipeline.vpr.evaluation.model_loading import load_tested
from pipeline.vpr.evaluation.query_preprocessing import CropDescriptors, PreprocessedQueries
from pipeline.vpr.experiments.experiment import Experiment
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction


class Describer(Protocol):
    """Computes descriptors with the network of one experiment, on the device of `extraction`."""

    @property
    def extraction(self) -> Extraction:
        """Device and number format."""
        ...

    def descriptors(
        self, pictures: SplitImages | PreprocessedQueries, batch: int = BATCH, apart: bool | None = None
    ) -> np.ndarray:
        """Descriptors of all images, in their order: (n, D), float32.

        apart: see `CropDescriptors`; None when the images are not crops.
        """
        ...

    def pieces(self, pictures: SplitImages) -> Iterator[np.ndarray]:
        """The same, some at a time."""
        ...


@dataclass(frozen=True)
class LocalExtraction:
    """Computes descriptors in this process."""

    extraction: Extraction
    network: nn.Module

    @classmethod
    def of(cls, experiment: Path, settings: Experiment, extraction: Extraction) -> LocalExtraction:
        """Load the model in the folder `experiment`; errors as `load_tested`."""
        network = load_tested(experiment, settings)
        network.to(extraction.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(extraction, network)

    def descriptors(
        self, pictures: SplitImages | PreprocessedQueries, batch: int = BATCH, apart: bool | None = None
    ) -> np.ndarray:
        """See `Describer`."""
        network = self.network if apart is None else CropDescriptors(self.network, apart=apart)
        return self.extraction.descriptors(network, pictures, batch)

    def pieces(self, pictures: SplitImages) -> Iterator[np.ndarray]:
        """See `Describer`."""
        return self.extraction.pieces(self.network, pictures)
