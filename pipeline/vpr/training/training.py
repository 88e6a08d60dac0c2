"""A recogniser learnt from examples of a set, evaluated on its val split, going on where it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.compute.device.precision import device_of, numbers_of, numeric_path
from pipeline.compute.device.threads import threads_within
from pipeline.compute.distributed.group import device_of_process, joined_group
from pipeline.compute.distributed.training_curves import write_curves
from pipeline.compute.distributed.training_state import folder_of_run, load_state, save_state
from pipeline.compute.resources.timings import note_work
from pipeline.core.image_io import open_rgb
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.memory import keep_freed_memory
from pipeline.runtime.picture_check import refuse_unreadable, unreadable
from pipeline.runtime.progress import progress
from pipeline.vpr.inputs.split_images import split_images
from pipeline.vpr.models.aggregation import NetVLAD
from pipeline.vpr.models.descriptor_model import Network, Recogniser, build_network, save_model
from pipeline.vpr.models.pretrained_weights import start_digest
from pipeline.vpr.models.sync_batchnorm import share_batch_norm
from pipeline.vpr.retrieval.recall import RECALL_AT
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction, evaluate_recall
from pipeline.vpr.training.memory_check import require_training_memory
from pipeline.vpr.training.mining_rounds import Rounds
from pipeline.vpr.training.netvlad_init import cluster, initial_descriptors
from pipeline.vpr.training.pretrained_licence import start_terms
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.step import Learner, batch_norms, loss_of
from pipeline.vpr.training.training_data import training_data
from pipeline.vpr.training.training_progress import Progress
from pipeline.vpr.training.weight_averaging import averaged, weights_of

# Early stopping looks at this recall on val.
JUDGED_AT = 5
# Seconds between two saved states: what a killed run loses at most, beside the step under way.
SAVE_EVERY = 60.0

# Rooms of the code that makes the weights.
ROOMS = (
    *("pipeline/compute/device", "pipeline/compute/distributed", "pipeline/core"),
    *("pipeline/datasets/image_set", "pipeline/vpr/augmentation"),
    *("pipeline/vpr/inputs", "pipeline/vpr/models", "pipeline/vpr/retrieval", "pipeline/vpr/training"),
)


@dataclass(frozen=True)
class TrainSummary:
    """What a run did.

    epochs: in all. started_at: how many of them an earlier run, that was ended, had finished.
    best_epoch: from 1; recall: its recall@5 on val in per cent.
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

    Curves of the loss and of the recalls on val, in per cent by epoch, go to the folder `live`, in the form
    of DVCLive, and beside them what the best epoch was.

    States lie in `work/<digest of set and settings>_<digest of code>` and are removed at the end; until then
    the same call goes on where a run stopped, and on a CPU it ends in the same weights, bit for bit, as one
    that did not. `workers` threads read pictures; their number changes nothing.
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
    """One run: its pictures, its network and where it stands."""

    def __init__(self, settings: TrainSettings, images: ImageSet, work: Path, extraction: Extraction) -> None:
        size = (settings.height, settings.width)
        self.settings = settings
        self.images = images
        self.extraction = extraction
        self.device, self.group, self.numbers = extraction.device, extraction.group, extraction.numbers
        self.material = training_data(settings, images, extraction.workers)
        self.val_database = split_images(images, "val", "database", *size)
        if settings.loss == "contrastive":
            # As it is tested: queries of any time are looked for among days.
            self.val_database = self.val_database.without_nights()
        self.val_queries = split_images(images, "val", "queries", *size)
        self.path = numeric_path(self.device, self.numbers, torch.get_num_threads())
        if self.group.size > 1:
            self.path += f", {self.group.size} processes"
        key: dict[str, object] = {"settings": asdict(settings), "set": images.digest, "path": self.path}
        # Of the file of weights, where there is one, which may be another under the same name.
        digest = start_digest(settings.weights, settings.backbone)
        self.weights = {} if digest is None else {"weights_digest": digest}
        self.folder = folder_of_run(work, key | self.weights, ROOMS, self.group)
        self.network = self._new_network()
        self.rounds = Rounds(settings, self.material, self.network, self.extraction)
        if settings.batch_norm == "frozen":
            for module in batch_norms(self.network):
                module.requires_grad_(requires_grad=False)
        learning = [value for value in self.network.parameters() if value.requires_grad]
        # On a GPU all weights in one kernel; on a CPU as it ever was, to the bit.
        self.optimizer = torch.optim.Adam(learning, lr=settings.lr, fused=self.device.type == "cuda")
        loss = loss_of(settings, self.material)
        self.learner = Learner(
            self.network, self.optimizer, loss, self.device, self.numbers, self.group, settings.batch_norm
        )
        self.progress = Progress()
        # Losses of steps that are not in `progress` yet, for to look at one waits for the device.
        self._losses: list[torch.Tensor] = []
        self._saved = time.monotonic()

    @property
    def record(self) -> dict[str, Any]:
        """What the model's file says of its training."""
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
        """Load the saved state; without one, take clusters of the set's descriptors.

        `DusklineError` when the run would not fit into memory, or a picture of it cannot be read.
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
        self._require_readable()
        # To main memory, where what is no weight belongs.
        found = load_state(self.folder, self.group, torch.device("cpu"))
        if found is not None:
            _, state = found
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress.from_document(state["progress"])
            return
        for part in self.network.parts if self.group.writes else ():
            if isinstance(part.aggregation, NetVLAD):
                part.aggregation.initialise(*self._clusters(part, part.aggregation.clusters))
        self.group.follow_first(self.network)
        if self.settings.start_share:
            self.progress.start_weights = weights_of(self.network)

    def _require_readable(self) -> None:
        """Read every picture of the run once; `BadImageError` names all that cannot be read."""
        mine = self.group.share(self.images.where("train") + self.images.where("val"))
        reads = {row.name: partial(self._look_at, row) for row in mine}
        found = self.group.joined_words(unreadable(reads, self.extraction.workers))
        refuse_unreadable(
            found.values(),
            f"make the set {self.images.root} whole again: `dvc checkout`, or the stage that makes it",
        )

    def _look_at(self, row: ImageRow) -> None:
        open_rgb(self.images.read(row), label=f"{self.images.root}/{row.name}")

    def epochs(self) -> Iterator[int]:
        """Run epoch after epoch, and yield the number of each that is finished, until the run is to end."""
        while not self._over:
            for _ in progress(
                range(self.progress.round, self.rounds.of_an_epoch), label="train", unit="round"
            ):
                self._round()
            self._end_epoch()
            self._save()
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

    def _round(self) -> None:
        """Mine for some queries, unless a saved state holds their rows, and learn from them."""
        done = self.progress
        if not len(done.rows):
            self.rounds.mine(done)
        batch = self.settings.batch
        parts = [done.rows[start : start + batch] for start in range(0, len(done.rows), batch)]
        left = parts[done.step :]
        shares = [self.group.share(part) for part in left]
        read = self.material.reader.batches(shares, done.epoch, done.round)
        for part, images in zip(left, read, strict=True):
            self._set_learning_rate()
            self._losses.append(self.learner.learn(images, part))
            done.step += 1
            done.batches += 1
            if time.monotonic() - self._saved > SAVE_EVERY:
                self._save()
        self._take_losses()
        done.rows, done.step, done.round = np.zeros((0, 0), np.int64), 0, done.round + 1

    def _take_losses(self) -> None:
        for loss in torch.stack(self._losses).tolist() if self._losses else ():
            self.progress.loss_sum += loss
            self.progress.loss_count += 1
        self._losses.clear()

    def _set_learning_rate(self) -> None:
        done, settings = self.progress, self.settings
        learnt = done.round * self.rounds.size + done.step * settings.batch
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr_after(done.epoch + learnt / settings.queries_per_epoch)

    def _end_epoch(self) -> None:
        done = self.progress
        loss = done.loss_sum / done.loss_count
        if not np.isfinite(loss):
            raise DusklineError(
                f"training broke in epoch {done.epoch + 1}: the loss is not a number",
                hint="try a smaller lr, or autocast off",
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
        done.epoch, done.round, done.loss_sum, done.loss_count = done.epoch + 1, 0, 0.0, 0

    def _save(self) -> None:
        self._take_losses()
        if self.group.writes:
            state = {
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "progress": self.progress.to_document(),
            }
            save_state(self.folder, self.progress.batches, state)
        self._saved = time.monotonic()
