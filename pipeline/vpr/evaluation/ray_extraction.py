"""Descriptors by a Ray cluster: each actor holds the network, reads images by their paths and writes files.

Images are described in pieces of whole batches, with as many threads as on one machine, so that on a CPU the
result has the same bytes. The pieces stay in a folder that all nodes share until the evaluation ends; a
stopped evaluation resumes from them.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch

from pipeline.compute.device.precision import numeric_path
from pipeline.compute.device.threads import threads_within
from pipeline.compute.resources.actors import Actors
from pipeline.compute.resources.cluster import Needs, joined, most_processors
from pipeline.compute.resources.worker_pool import TOO_LITTLE_MEMORY, Died, Introduction, WorkerPool
from pipeline.core.files import digest_document
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.progress import progress
from pipeline.vpr.evaluation.descriptor_cache import describing_digest
from pipeline.vpr.evaluation.local_extraction import LocalExtraction
from pipeline.vpr.evaluation.model_loading import read_tested
from pipeline.vpr.evaluation.query_preprocessing import PreprocessedQueries
from pipeline.vpr.experiments.experiment import Experiment
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.retrieval.descriptor_io import read_descriptors, write_descriptors
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction

# Images of a piece, rounded down to whole batches: some seconds of work, which is what a lost actor costs.
PIECE = 16 * BATCH


@dataclass(frozen=True)
class Subject:
    """An experiment for the actors: its folder, its settings, and the digest of its model."""

    folder: Path
    settings: Experiment
    digest: str


@dataclass(frozen=True)
class _Piece:
    """Images to describe, `batch` at a time, into `file`.

    apart: see `CropDescriptors`; None when the images are not crops.
    """

    pictures: SplitImages | PreprocessedQueries
    batch: int
    apart: bool | None
    file: Path

    def __str__(self) -> str:
        rows = _images_of(self.pictures).rows
        return f"the {len(rows)} images starting with {rows[0].name}"


@dataclass(frozen=True)
class RayExtraction:
    """Computes descriptors with `actors`; the pieces are in `folder`. See `ray_extraction`."""

    extraction: Extraction
    subject: Subject
    folder: Path
    actors: _LateActors

    def descriptors(
        self, pictures: SplitImages | PreprocessedQueries, batch: int = BATCH, apart: bool | None = None
    ) -> np.ndarray:
        """See `Describer`."""
        return np.concatenate(list(self._described(pictures, batch, apart)))

    def pieces(self, pictures: SplitImages) -> Iterator[np.ndarray]:
        """See `Describer`."""
        yield from self._described(pictures, BATCH, None)

    def _described(
        self, pictures: SplitImages | PreprocessedQueries, batch: int, apart: bool | None
    ) -> Iterator[np.ndarray]:
        """Have the missing pieces made, and yield all in order, as memory maps."""
        folder = self.folder / self._key(pictures, batch, apart)
        folder.mkdir(parents=True, exist_ok=True)
        step = batch * max(1, PIECE // batch)
        pieces = [
            _Piece(_part(pictures, first, step), batch, apart, folder / f"{first}_{step}.npy")
            for first in range(0, len(pictures), step)
        ]
        # By listing the folder: a network file system may cache that a single file is absent.
        listed = {file.name for file in folder.iterdir()}
        there = {piece.file.name for piece in pieces if piece.file.name in listed and _is_whole(piece)}
        answers = self.actors.run([piece for piece in pieces if piece.file.name not in there])
        for piece in progress(pieces, label="describe", unit="piece"):
            while piece.file.name not in there:
                there.add(next(answers).file.name)
            yield _read(piece)

    def _key(self, pictures: SplitImages | PreprocessedQueries, batch: int, apart: bool | None) -> str:
        """The key of everything that the descriptors depend on."""
        known = {
            "model": self.subject.digest,
            "settings": asdict(self.subject.settings),
            "treated": isinstance(pictures, PreprocessedQueries),
            "batch": batch,
            "apart": apart,
            "numeric_path": numeric_path(
                self.extraction.device, self.extraction.numbers, self.subject.settings.cpu_threads
            ),
            "code": describing_digest(),
            "pictures": [row.digest for row in _images_of(pictures).rows],
        }
        return digest_document(known)[:32]


@contextlib.contextmanager
def ray_extraction(extraction: Extraction, subject: Subject, folder: Path) -> Iterator[RayExtraction]:
    """Give an extraction with the results of `extraction`, computed by a cluster that is joined when needed.

    Pieces stay in `folder`, which only this evaluation uses, until the block ends without an error. Raises
    what `joined`, `WorkerPool` and `Actors` raise.
    """
    with contextlib.ExitStack() as held:
        yield RayExtraction(extraction, subject, folder, _LateActors(extraction, subject, held))
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _LateActors:
    """Actors that are started with the first missing piece, and live until the block ends."""

    extraction: Extraction
    subject: Subject
    held: contextlib.ExitStack
    pool: WorkerPool | None = None

    def run(self, pieces: Sequence[_Piece]) -> Iterator[_Piece]:
        """Yield each piece when it is described."""
        if not pieces:
            return
        self.pool = self.pool or self._joined()
        for piece, answer in self.pool.run(pieces):
            if isinstance(answer, Died):
                raise DusklineError(
                    f"two Ray actors died while describing {piece}; the last one: {answer.why}",
                    hint=TOO_LITTLE_MEMORY,
                )
            yield piece

    def _joined(self) -> WorkerPool:
        ray = self.held.enter_context(joined())
        threads = self.subject.settings.cpu_threads
        on_gpu = self.extraction.device.type == "cuda"
        # An operation may have more threads than a node has processors.
        needs = Needs(1, gpus=1) if on_gpu else Needs(min(threads, most_processors(ray)))
        make = partial(_Description, self.extraction, self.subject)
        return self.held.enter_context(WorkerPool(Actors(ray, make, needs, threads)))


class _Description:
    """The work of an actor, which holds the network."""

    def __init__(self, extraction: Extraction, subject: Subject) -> None:
        if read_tested(subject.folder).digest != subject.digest:
            raise DusklineError(
                f"a node has another model in {subject.folder} than this machine",
                hint="put models on storage that all nodes share, at the same path",
            )
        self._extraction = LocalExtraction.of(subject.folder, subject.settings, extraction)
        self._threads = subject.settings.cpu_threads
        # Only processors of one kind give the same numbers, and the record names one numeric path.
        kind = torch.backends.cpu.get_cpu_capability() if extraction.device.type == "cpu" else "GPU"
        identity = (subject.digest, f"{kind}, torch {torch.__version__}")
        # One piece is described while the paths of the next are sent.
        self.introduction = Introduction(identity, ahead=2)

    def __call__(self, piece: _Piece) -> None:
        """Describe the images of a piece and write its file."""
        with threads_within(self._threads):
            found = self._extraction.descriptors(piece.pictures, piece.batch, piece.apart)
        write_descriptors(piece.file, len(found), [found])


def _images_of(pictures: SplitImages | PreprocessedQueries) -> SplitImages:
    return pictures if isinstance(pictures, SplitImages) else pictures.queries


def _part(
    pictures: SplitImages | PreprocessedQueries, first: int, count: int
) -> SplitImages | PreprocessedQueries:
    """At most `count` images from `first` on, without the rest of their dataset."""
    if isinstance(pictures, PreprocessedQueries):
        return replace(pictures, queries=cast(SplitImages, _part(pictures.queries, first, count)))
    rows = pictures.rows[first : first + count]
    index = pictures.images.index
    part = None if index is None else {row.name: index[row.name] for row in rows}
    return replace(pictures, images=replace(pictures.images, rows=(), index=part), rows=rows)


def _is_whole(piece: _Piece) -> bool:
    return read_descriptors(piece.file, len(piece.pictures)) is not None


def _read(piece: _Piece) -> np.ndarray:
    found = read_descriptors(piece.file, len(piece.pictures))
    if found is None:
        raise DusklineError(
            f"{piece.file}, written by an actor, is missing or incomplete on this machine",
            hint="put the work store (DUSKLINE_WORK) on storage that all nodes share, at the same path",
        )
    return found
