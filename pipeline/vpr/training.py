"""A recogniser learnt from triplets of a set, judged on its val split, going on where it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.core.errors import DusklineError
from pipeline.core.files import digest_document
from pipeline.core.progress import progress
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.aggregation import NetVLAD
from pipeline.vpr.curves import write_curves
from pipeline.vpr.gallery import Gallery, gallery
from pipeline.vpr.initial import cluster, initial_descriptors
from pipeline.vpr.judging import BATCH, Extraction, judge
from pipeline.vpr.mining import Miner
from pipeline.vpr.network import Network, Recogniser, build_network, save_model
from pipeline.vpr.numeric import autocast, device_of, numeric_path, threads_within
from pipeline.vpr.positives import Places
from pipeline.vpr.recall import RECALL_AT
from pipeline.vpr.train_settings import TrainSettings
from pipeline.vpr.train_state import Progress, load_state, save_state
from pipeline.vpr.triplets import TripletReader, triplet_loss

# Early stopping looks at this recall on val.
JUDGED_AT = 5
# Seconds between two saved states: what a killed run loses at most, beside the step under way.
SAVE_EVERY = 60.0


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
    settings: TrainSettings, images: ImageSet, out: Path, work: Path, *, device: str, workers: int
) -> TrainSummary:
    """Train on `images` and write model.pt, with the weights of the best epoch, and its curves to `out`.

    The state lies in `work/<digest of set and settings>` and is removed at the end; until then the same call
    goes on where a run stopped, and on a CPU it ends in the same weights, bit for bit, as one that did not.
    `workers` threads read pictures; their number changes nothing.
    """
    with threads_within(settings.cpu_threads):
        run = _Run(settings, images, work, device_of(device), workers)
        run.resume_or_begin()
        started_at = run.progress.epoch
        for _ in run.epochs():
            write_curves(out, run.progress.history)
    done = run.progress
    run.network.load_state_dict(done.best_weights)
    record = {
        "dataset_digest": images.digest,
        "numeric_path": run.path,
        "epoch": done.best_epoch + 1,
        "recall": round(done.best, 3),
    }
    write_curves(out, done.history)
    save_model(out / "model.pt", run.network, settings.network, record)
    shutil.rmtree(run.folder, ignore_errors=True)
    return TrainSummary(len(done.history), started_at, done.best_epoch + 1, done.best)


class _Run:
    """One run: its pictures, its network and where it stands."""

    def __init__(
        self, settings: TrainSettings, images: ImageSet, work: Path, device: torch.device, workers: int
    ) -> None:
        size = (settings.height, settings.width)
        self.settings = settings
        self.database = gallery(images, "train", "database", *size)
        self.queries = gallery(images, "train", "queries", *size)
        self.val_database = gallery(images, "val", "database", *size)
        self.val_queries = gallery(images, "val", "queries", *size)
        self.places = Places(
            self.database.positions,
            self.queries.positions,
            settings.hard_positives,
            settings.soft_positives,
        )
        self.device = device
        self.path = numeric_path(device, settings.autocast, settings.cpu_threads)
        self.extraction = Extraction(device, workers, settings.autocast)
        self.reader = TripletReader(self.queries, self.places.kept, self.database, workers)
        self.miner = Miner(self.places, settings.mining, settings.negatives, settings.negative_samples)
        key = {"settings": asdict(settings), "set": images.digest, "path": self.path}
        self.folder = work / digest_document(key)[:32]
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.network: Network = build_network(settings.network)
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learning = [value for value in self.network.parameters() if value.requires_grad]
        self.optimizer = torch.optim.Adam(learning, lr=settings.lr)
        self.progress = Progress()
        self._saved = time.monotonic()

    def resume_or_begin(self) -> None:
        """Load the saved state; without one, set NetVLAD's clusters from the set's own descriptors."""
        if self._state.is_file():
            self.progress = load_state(self._state, self.network, self.optimizer, self.device)
            return
        for part in self.network.parts:
            if isinstance(part.aggregation, NetVLAD):
                part.aggregation.initialise(*self._clusters(part, part.aggregation.clusters))

    def epochs(self) -> Iterator[int]:
        """Run epoch after epoch, and yield the number of each that is finished, until the run is to end."""
        while not self._over:
            for _ in progress(range(self.progress.round, self._rounds), label="train", unit="round"):
                self._round()
            self._end_epoch()
            self._save()
            yield self.progress.epoch

    @property
    def _state(self) -> Path:
        return self.folder / "state.pt"

    @property
    def _over(self) -> bool:
        done = self.progress
        return done.epoch >= self.settings.epochs or (
            done.best_epoch >= 0 and done.epoch - 1 - done.best_epoch >= self.settings.patience
        )

    @property
    def _rounds(self) -> int:
        return -(-self.settings.queries_per_epoch // self.settings.queries_per_cache)

    def _clusters(self, part: Recogniser, clusters: int) -> tuple[np.ndarray, np.ndarray]:
        pictures = [self.database, self.queries]

        def read(index: int) -> torch.Tensor:
            first = len(self.database)
            return pictures[0].read(index) if index < first else pictures[1].read(index - first)

        descriptors = initial_descriptors(
            part.backbone,
            read,
            len(self.database) + len(self.queries),
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
            self._mine()
        batch = self.settings.batch
        parts = [done.rows[start : start + batch] for start in range(0, len(done.rows), batch)]
        for images in self.reader.batches(parts[done.step :]):
            self._learn(images)
            done.step += 1
            if time.monotonic() - self._saved > SAVE_EVERY:
                self._save()
        done.rows, done.step, done.round = np.zeros((0, 0), np.int64), 0, done.round + 1

    def _mine(self) -> None:
        done = self.progress
        wanted = min(
            self.settings.queries_per_cache,
            self.settings.queries_per_epoch - done.round * self.settings.queries_per_cache,
            len(self.places.kept),
        )
        rng = np.random.default_rng([self.settings.seed, done.epoch, done.round])
        mining = self.miner.plan(rng, wanted, done.memory)
        database = self._features(self.database, mining.database)
        queries = self._features(self.queries, self.places.kept[mining.queries])
        done.rows, done.memory = self.miner.select(mining, database, queries, done.memory)

    def _features(self, pictures: Gallery, indexes: np.ndarray) -> np.ndarray:
        rows = tuple(pictures.rows[int(index)] for index in indexes)
        some = Gallery(pictures.images, rows, pictures.height, pictures.width)
        return self.extraction.descriptors(self.network, some)

    def _learn(self, images: torch.Tensor) -> None:
        self.network.train()
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        with autocast(self.device, self.settings.autocast):
            descriptors = self.network(images)
        loss = triplet_loss(descriptors.float(), self.settings.negatives, self.settings.margin)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.progress.loss_sum += float(loss.detach())
        self.progress.loss_count += 1

    def _end_epoch(self) -> None:
        done = self.progress
        loss = done.loss_sum / done.loss_count
        if not np.isfinite(loss):
            raise DusklineError(
                f"training broke in epoch {done.epoch + 1}: the loss is not a number",
                hint="try a smaller lr, or autocast off",
            )
        found = judge(
            self.network, self.val_database, self.val_queries, self.settings.soft_positives, self.extraction
        ).recalls
        values = {f"recall@{n}": found.percent(n) for n in RECALL_AT}
        done.history.append({"loss": loss, **values})
        if values[f"recall@{JUDGED_AT}"] > done.best:
            done.best, done.best_epoch = values[f"recall@{JUDGED_AT}"], done.epoch
            weights = self.network.state_dict()
            done.best_weights = {name: value.detach().cpu().clone() for name, value in weights.items()}
        done.epoch, done.round, done.loss_sum, done.loss_count = done.epoch + 1, 0, 0.0, 0

    def _save(self) -> None:
        save_state(self._state, self.network, self.optimizer, self.progress)
        self._saved = time.monotonic()
