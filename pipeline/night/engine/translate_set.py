"""A whole run: workers translate what the plan needs, the store keeps it, and the dataset is filled."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pipeline.compute.resources.timings import note_work
from pipeline.core.files import write_json
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.image_set.licence_terms import Terms, read_terms, write_terms
from pipeline.datasets.writing.set_writer import SetWriter, replaced_set, require_replaceable_set
from pipeline.night.engine.plan import Plan, Source, make_plan
from pipeline.night.engine.pool import NightPool, night_pool
from pipeline.night.engine.store import NightStore, open_store
from pipeline.night.engine.translate_image import Failed, Task
from pipeline.night.records.provenance import ORIGINS, Origin, write_origins
from pipeline.night.records.summary import NightSummary, check_share, reasons_of
from pipeline.night.records.translator import RECIPE, MakeTranslator, OutputFormat
from pipeline.runtime.errors import DusklineError, InterruptedRunError, ParameterError
from pipeline.runtime.machine import Engine
from pipeline.runtime.process_lock import terminated_as_interrupted
from pipeline.runtime.progress import progress

# A translator that fails this often is broken, and more images would only waste time.
_MAX_FAULTS = 20


@dataclass(frozen=True)
class Job:
    """Images to translate: which, with which translator, in which format, and in which store.

    task: gives the file of a source. workers: parallel processes, fewer if memory is too small; changes no
    byte. sizes: (width, height) of the images, if known. engine: with "ray" the nodes of a cluster translate,
    in parallel on all their processors or GPUs.
    """

    sources: Sequence[Source]
    task: Callable[[Source], Task]
    make_translator: MakeTranslator
    output: OutputFormat
    store: Path
    workers: int
    sizes: Collection[tuple[int, int]] = ()
    engine: Engine = "local"


@dataclass
class Nights:
    """The results of a job.

    todo: nights that the store lacked; made: how many of them were made in this run, in `seconds`. lost,
    faults: reasons, by the digest of the source, that are valid for this run only.
    """

    store: NightStore
    todo: int
    lost: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    made: int = 0
    seconds: float = 0.0

    def reason(self, source: Source) -> str:
        """Return why there is no night of `source`; "" if there is one."""
        known = source.reason or self.lost.get(source.digest) or self.store.failure(source.digest)
        return known or ""

    def origins(self, sources: Iterable[Source], name_of: Callable[[str], str]) -> Iterator[Origin]:
        """Yield the origin of each night, or why there is none; `name_of` names the night of an image."""
        return (self._origin(source, name_of(source.name)) for source in sources)

    def _origin(self, source: Source, name: str) -> Origin:
        recipe = self.store.recipe
        reason = self.reason(source)
        entry = None if reason else self.store.entry(source.digest)
        return Origin(
            name=name,
            source=source.name,
            source_digest=source.digest,
            translator=recipe.record["translator"],
            checkpoint_digest=recipe.record["checkpoint_digest"],
            settings_digest=recipe.settings_digest,
            numeric_path=recipe.record["numeric_path"],
            status="failed" if entry is None else "done",
            reason=reason,
            digest="" if entry is None else entry.digest,
        )

    def summary(self, sources: Sequence[Source]) -> NightSummary:
        """Count the results of `sources`."""
        failures = [(source.name, reason) for source in sources if (reason := self.reason(source))]
        return NightSummary(len(sources), self.made, self.seconds, reasons_of(failures))


@contextlib.contextmanager
def finished_nights(job: Job) -> Iterator[Nights]:
    """Translate what the store lacks, and keep the store open while the caller takes the nights from it.

    An image that has no night is not an error here, only a `reason`. Raises `DusklineError` if a translator
    cannot be built or fails for other causes than the image, if workers die one after the other, or if the
    store cannot be written, and `InterruptedRunError` on Ctrl-C or SIGTERM, also in the caller's block.
    Finished work is kept, and the same call continues from there.
    """
    if job.workers < 1:
        raise ParameterError(f"at least one worker is needed, not {job.workers}")
    nights = None
    with terminated_as_interrupted():
        try:
            with contextlib.ExitStack() as held:
                with night_pool(
                    job.make_translator, job.output, job.store, job.workers, job.sizes, job.engine
                ) as pool:
                    store = held.enter_context(open_store(job.store, pool.recipe))
                    plan = make_plan(job.sources, store, threads=job.workers)
                    nights = Nights(store, todo=len(plan.todo))
                    note_work(of=plan.ready + nights.todo, done=nights.todo)
                    _translate(job, plan, pool, nights)
                yield nights
        except KeyboardInterrupt as error:
            made = (
                f"{nights.made:,} of {nights.todo:,} new nights are made and kept"
                if nights
                else "nothing is lost"
            )
            raise InterruptedRunError(
                f"interrupted; {made}", hint="run the same command again to continue from there"
            ) from error


def _translate(job: Job, plan: Plan, pool: NightPool, nights: Nights) -> None:
    start = time.monotonic()
    tasks = map(job.task, plan.todo)
    for task, outcome in progress(pool.run(tasks), total=len(plan.todo), label="translate"):
        if not isinstance(outcome, Failed):
            nights.store.put(task.digest, outcome)
            nights.made += 1
        elif outcome.cause == "image":
            nights.store.fail(task.digest, outcome.reason)
        elif outcome.cause == "reading":
            nights.lost[task.digest] = outcome.reason
        else:
            nights.faults[task.digest] = outcome.reason
            if len(nights.faults) == _MAX_FAULTS:
                break
    nights.seconds = time.monotonic() - start
    if nights.faults:
        struck = [source for source in plan.todo if source.digest in nights.faults]
        reasons = reasons_of([(source.name, nights.faults[source.digest]) for source in struck])
        table = NightSummary(len(plan.todo), nights.made, nights.seconds, reasons).table()
        raise DusklineError(
            f"{len(struck)} images could not be translated; the images are not the cause:\n{table}",
            hint=f"fix the cause, then run the same command again; {nights.made:,} others are kept",
        )


def translate_set(
    day: ImageSet,
    out: Path,
    make_translator: MakeTranslator,
    output: OutputFormat,
    store: Path,
    workers: int,
    max_failed: float,
    terms: Sequence[Terms] = (),
    shards_above: int | None = None,
    engine: Engine = "local",
) -> NightSummary:
    """Write the night of every image of `day` as the dataset `out`, with `origins.csv` and `recipe.json`.

    Only nights that `store` lacks are translated, by `workers` processes or a cluster. The dataset is the
    same, byte for byte, for any number and kind of workers and any interruptions of earlier runs. `out`
    appears when it is complete; an existing dataset is replaced. Images without a night are rows of
    `origins.csv` with a reason. terms: licence terms of the translator; those of the day dataset also apply
    to its nights.
    shards_above: see `replaced_set`.

    Raises `DusklineError` with a table of reasons if more than the share `max_failed` of the images have no
    night, and what `finished_nights` raises; then `out` stays unchanged.
    """
    check_share(max_failed)
    out = out.resolve()
    _require_replaceable(out, day, store)
    sources = []
    name_of = partial(night_name, suffix=output.suffix)
    for row in day.rows:
        name_of(row.name)  # a night dataset is refused before hours of work
        sources.append(Source(row.name, row.digest))
    sizes = {(row.width, row.height) for row in day.rows}
    job = Job(sources, partial(_task_in, day), make_translator, output, store, workers, sizes, engine)
    with finished_nights(job) as nights:
        summary = nights.summary(sources)
        if summary.failed:
            # In the store, because a refused dataset is not written.
            write_origins(nights.store.folder, nights.origins(sources, name_of))
        summary.require(max_failed, nights.store.folder / ORIGINS, ", or raise max_failed")
        if summary.failed == len(sources):
            raise DusklineError(f"no image of {day.root} has a night:\n{summary.table()}")
        with replaced_set(out, shards_above) as writer:
            _fill(writer, sources, nights, name_of, day.positions_in)
            write_terms(writer.root, read_terms(day.root), terms)
    return summary


def task_below(folder: Path, source: Source) -> Task:
    """The task of a source that is a single file."""
    return Task(f"{folder}/{source.name}", source.digest)


def _task_in(day: ImageSet, source: Source) -> Task:
    where = day.byte_range(source.name)
    return Task(where.path, source.digest, where.offset, where.size)


def _require_replaceable(out: Path, day: ImageSet, store: Path) -> None:
    for other, what in ((day.root, "the day dataset"), (store, "the work store")):
        other = other.resolve()
        if out.is_relative_to(other) or other.is_relative_to(out):
            raise ParameterError(f"the night dataset {out} and {what} {other} must not contain each other")
    require_replaceable_set(out)


def _fill(
    writer: SetWriter,
    sources: Sequence[Source],
    nights: Nights,
    name_of: Callable[[str], str],
    positions_in: str,
) -> None:
    """Link the nights from the store into a dataset, and record the origin of each."""
    for source in progress(sources, total=len(sources), label="link"):
        entry = None if nights.reason(source) else nights.store.entry(source.digest)
        if entry is not None:
            name = name_of(source.name)
            sizes = entry.size, entry.width, entry.height
            row = ImageRow(name, source.name, entry.digest, *sizes, "night", positions_in)
            writer.link(row, Path(nights.store.path(source.digest)))
    write_origins(writer.root, nights.origins(sources, name_of))
    write_json(writer.root / RECIPE, nights.store.recipe.document())
