"""Train a model on a dataset, with evaluation on its val split; a stopped run resumes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.compute.device.precision import device_of, numbers_of, numeric_path
from pipeline.compute.device.threads import threads_within
from pipeline.compute.distributed.group import device_of_process, joined_group
from pipeline.compute.distributed.training_curves import write_curves
from pipeline.compute.distributed.training_state import folder_of_run
from pipeline.compute.resources.timings import note_work
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.inputs.split_images import split_images
from pipeline.vpr.models.aggregation import NetVLAD
from pipeline.vpr.models.descriptor_model import Network, Recogniser, build_network, save_model
from pipeline.vpr.models.pretrained_weights import start_digest
from pipeline.vpr.models.sync_batchnorm import share_batch_norm
from pipeline.vpr.retrieval.recall import RECALL_AT
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction, evaluate_recall
from pipeline.vpr.training.loop import Loop
from pipeline.vpr.training.memory_check import require_training_memory
from pipeline.vpr.training.mining_rounds import Rounds
from pipeline.vpr.training.netvlad_init import cluster, initial_descriptors
from pipeline.vpr.training.pretrained_licence import start_terms
from pipeline.vpr.training.readable_check import require_readable
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.step import Learner, batch_norms, loss_of
from pipeline.vpr.training.training_data import training_data
from pipeline.vpr.training.training_progress import Progress
from pipeline.vpr.training.weight_averaging import averaged, weights_of

# Early stopping uses this recall on val.
JUDGED_AT = 5
# Rooms whose code the weights depend on.
ROOMS = (
    *("pipeline/compute/device", "pipeline/compute/distributed", "pipeline/core"),
    *("pipeline/datasets/image_set", "pipeline/vpr/augmentation"),
    *("pipeline/vpr/inputs", "pipeline/vpr/models", "pipeline/vpr/retrieval", "pipeline/vpr/training"),
)


@dataclass(frozen=True)
class TrainSummary:
    """What a run did.

    epochs: in total. started_at: epochs that an earlier, stopped run had finished. best_epoch: from 1;
    recall: its recall@5 on val in per cent.
    """

    epochs: int
    started_at: int
    best_epoch: int
    recall: float


def train_model(
    settings: TrainSettings,
    images: ImageSet,
    out: Path,
    work: Path,
    *,
    live: Path,
    device: str,
    workers: int,
) -> TrainSummary:
    """Train on `images`; write model.pt, with the weights of the best epoch, and its terms.json into `out`.

    Curves of the loss and of the recalls on val, in per cent by epoch, go to the folder `live` in the format
    of DVCLive, together with the best epoch.

    States are saved in `work/<digest of dataset and settings>_<digest of code>` and removed at the end; until
    then, the same call resumes a stopped run. On a CPU the weights are the same, bit for bit, as without the
    stop. `workers` threads read images; their number does not change the result.
    """
    place = device_of_process(device_of(device))
    numbers = numbers_of(place, settings.autocast)
    keep_freed_memory()
    with joined_group(place) as group, threads_within(max(1, settings.cpu_threads // group.size)):
        run = _Run(settings, images, work, Extraction(place, workers, numbers, group))
        run.resume_or_begin()
        started_at = run.progress.epoch
        for _ in run.epochs():
            if group.writes:
                write_curves(live, dict(enumerate(run.progress.history)))
    done = run.progress
    learnt = len(done.history) - started_at
    per_epoch = settings.queries_per_epoch
    note_work(of=len(done.history) * per_epoch, done=learnt * per_epoch)
    if group.writes:
        run.network.load_state_dict(done.best_weights)
        best = {"best_epoch": done.best_epoch + 1, f"best_recall@{JUDGED_AT}": done.best}
        write_curves(live, dict(enumerate(done.history)), **best)
        save_model(out / "model.pt", run.network, settings.network, run.record)
        write_terms(out, read_terms(images.root), start_terms(settings.network))
        shutil.rmtree(run.folder, ignore_errors=True)
    return TrainSummary(len(done.history), started_at, done.best_epoch + 1, done.best)


class _Run:
    """One run: its images, its network and its progress."""

    def __init__(self, settings: TrainSettings, images: ImageSet, work: Path, extraction: Extraction) -> None:
        size = (settings.height, settings.width)
        self.settings = settings
        self.images = images
        self.extraction = extraction
        self.device, self.group, self.numbers = extraction.device, extraction.group, extraction.numbers
        self.material = training_data(settings, images, extraction.workers)
        self.val_database = split_images(images, "val", "database", *size)
        if settings.loss == "contrastive":
            # As in the tests: queries of any time of day are searched among day images.
            self.val_database = self.val_database.without_nights()
        self.val_queries = split_images(images, "val", "queries", *size)
        self.path = numeric_path(self.device, self.numbers, torch.get_num_threads())
        if self.group.size > 1:
            self.path += f", {self.group.size} processes"
        key: dict[str, object] = {"settings": asdict(settings), "set": images.digest, "path": self.path}
        # Digest of the weights file, if there is one: the same path may have other weights later.
        digest = start_digest(settings.weights, settings.backbone)
        self.weights = {} if digest is None else {"weights_digest": digest}
        self.folder = folder_of_run(work, key | self.weights, ROOMS, self.group)
        self.network = self._new_network()
        if settings.batch_norm == "frozen":
            for module in batch_norms(self.network):
                module.requires_grad_(requires_grad=False)
        learning = [value for value in self.network.parameters() if value.requires_grad]
        # Fused on a GPU for speed; on a CPU not, so that results stay the same bit for bit.
        optimizer = torch.optim.Adam(learning, lr=settings.lr, fused=self.device.type == "cuda")
        loss = loss_of(settings, self.material)
        learner = Learner(
            self.network, optimizer, loss, self.device, self.numbers, self.group, settings.batch_norm
        )
        rounds = Rounds(settings.rounds, self.material, self.network, self.extraction)
        self.loop = Loop(rounds, self.material.reader, learner, settings.lr_after, self.folder)

    @property
    def progress(self) -> Progress:
        """The progress of the run."""
        return self.loop.progress

    @property
    def record(self) -> dict[str, Any]:
        """What the model file records about its training."""
        done = self.progress
        return {
            "dataset_digest": self.images.digest,
            "numeric_path": self.path,
            "epoch": done.best_epoch + 1,
            "recall": round(done.best, 3),
            "learnt_from": self.settings.learnt_from,
            **self.weights,
        }

    def resume_or_begin(self) -> None:
        """Load the saved state; without one, initialise the clusters from the dataset's features.

        `DusklineError` when the run does not fit into memory, or an image cannot be read.
        """
        places = self.material.places
        require_training_memory(
            self.settings,
            self.network,
            len(places.kept),
            places.database_size,
            self.device,
            self.numbers,
            self.group.size,
        )
        require_readable(self.images, ("train", "val"), self.extraction.workers, self.group)
        if self.loop.resume():
            return
        for part in self.network.parts if self.group.writes else ():
            if isinstance(part.aggregation, NetVLAD):
                part.aggregation.initialise(*self._clusters(part, part.aggregation.clusters))
        self.group.follow_first(self.network)
        if self.settings.start_share:
            self.progress.start_weights = weights_of(self.network)

    def epochs(self) -> Iterator[int]:
        """Run all epochs until the end or early stopping; yield the number of finished epochs after each."""
        while not self._over:
            self.loop.run_epoch()
            self._end_epoch()
            self.loop.save()
            yield self.progress.epoch

    @property
    def _over(self) -> bool:
        done = self.progress
        return done.epoch >= self.settings.epochs or (
            done.best_epoch >= 0 and done.epoch - 1 - done.best_epoch >= self.settings.patience
        )

    def _new_network(self) -> Network:
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            network = build_network(self.settings.network)
        share_batch_norm(network, self.group)
        return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _clusters(self, part: Recogniser, clusters: int) -> tuple[np.ndarray, np.ndarray]:
        database, queries = self.material.database, self.material.queries

        def read(index: int) -> torch.Tensor:
            first = len(database)
            return database.read(index) if index < first else queries.read(index - first)

        descriptors = initial_descriptors(
            part.backbone,
            read,
            len(database) + len(queries),
            rng=np.random.default_rng([self.settings.seed]),
            batch=BATCH,
            device=self.device,
            workers=self.extraction.workers,
        )
        return cluster(descriptors, clusters, self.settings.seed), descriptors

    def _end_epoch(self) -> None:
        done = self.progress
        loss = sum(done.losses) / len(done.losses)
        if not np.isfinite(loss):
            raise DusklineError(
                f"training failed in epoch {done.epoch + 1}: the loss is NaN or infinite",
                hint="use a smaller lr, or autocast: 'off'",
            )
        learnt = weights_of(self.network)
        kept = averaged(learnt, done.start_weights, self.settings.start_share)
        self.network.load_state_dict(kept)
        found = evaluate_recall(
            self.network, self.val_database, self.val_queries, self.settings.soft_positives, self.extraction
        ).recalls
        self.network.load_state_dict(learnt)
        values = {f"recall@{n}": found.percent(n) for n in RECALL_AT}
        done.history.append({"loss": loss, **values})
        if values[f"recall@{JUDGED_AT}"] > done.best:
            done.best, done.best_epoch = values[f"recall@{JUDGED_AT}"], done.epoch
            done.best_weights = kept
        done.epoch, done.round, done.losses = done.epoch + 1, 0, []
