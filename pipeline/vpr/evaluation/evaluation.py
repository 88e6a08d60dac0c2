"""Evaluate an experiment on a test set: recalls with their intervals, and the matches of each query."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.compute.device.precision import device_of, numbers_of, numeric_path
from pipeline.compute.device.threads import threads_within
from pipeline.datasets.image_set.image_set import ImageSet, counted_in, require_positions, unit_of
from pipeline.runtime.machine import Engine
from pipeline.vpr.evaluation.local_extraction import Describer, LocalExtraction
from pipeline.vpr.evaluation.model_loading import read_tested
from pipeline.vpr.evaluation.place_search import find_places
from pipeline.vpr.evaluation.ray_extraction import Subject, ray_extraction
from pipeline.vpr.experiments.asymmetric import names_of
from pipeline.vpr.experiments.experiment import DATABASE, read_experiment
from pipeline.vpr.inputs.split_images import SplitImages, split_images
from pipeline.vpr.results.ground_truth import read_nearest, write_ground_truth
from pipeline.vpr.results.metrics import MeasuredRecall, Metrics, write_metrics
from pipeline.vpr.results.predictions import PREDICTIONS, Prediction, read_predictions, write_predictions
from pipeline.vpr.results.query_results import query_results
from pipeline.vpr.results.thumbnails import COPIES, write_thumbnails
from pipeline.vpr.results.wilson import wilson
from pipeline.vpr.retrieval.recall import RECALL_AT, Recalls
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction, RetrievalResult


def evaluate(
    experiment: Path,
    images: ImageSet,
    out: Path,
    store: Path,
    *,
    device: str,
    workers: int,
    engine: Engine = "local",
) -> Recalls:
    """Evaluate an experiment (its folder) on the test split of `images`; write the results into `out`.

    Database descriptors are taken from the folder `store` if they are there, and kept there; this changes no
    byte of the results. Nor does the engine: with "ray", a cluster computes the descriptors. `SetError` for a
    dataset without positions.
    """
    require_positions(images)
    settings = read_experiment(experiment)
    model = read_tested(experiment)
    place = device_of(device)
    database, queries = (
        split_images(images, "test", role, settings.height, settings.width)
        for role in ("database", "queries")
    )
    extraction = Extraction(place, workers, numbers_of(place, settings.autocast))
    with contextlib.ExitStack() as held:

        def describer(folder: Path, digest: str, side: str) -> Describer:
            if engine == "local":
                return LocalExtraction.of(folder, settings, extraction)
            # Only for this experiment and test set, which only one run evaluates at a time.
            pieces = store / f"{experiment.name}_{images.root.name}{side}.pieces"
            return held.enter_context(ray_extraction(extraction, Subject(folder, settings, digest), pieces))

        of_queries = of_database = describer(experiment, model.digest, "")
        index, two = model, names_of(experiment)
        if two is not None:
            index = read_tested(experiment / DATABASE)
            of_database = describer(experiment / DATABASE, index.digest, "_database")
        held.enter_context(threads_within(settings.cpu_threads))
        describers = (of_database, of_queries)
        found, search = find_places(settings, index.digest, database, queries, describers, store, out)
    by_chance = chance(found, len(database))
    described = two.words if two else ""
    metrics = Metrics(
        experiment=experiment.name,
        model=settings.model,
        trained_on=model.trained_on,
        learnt_from=model.learnt_from,
        test_set=images.root.name,
        set_digest=images.digest,
        database=len(database),
        queries=len(queries),
        queries_without_positives=found.recalls.queries_without_positives,
        radius=settings.radius,
        protocol=settings.protocol(search, model.combination, unit_of(images.positions_in), described),
        numeric_path=numeric_path(place, extraction.numbers, settings.cpu_threads),
        recalls={n: _measured(found.recalls, n, by_chance[n]) for n in RECALL_AT},
        positions_in=counted_in(images.positions_in),
        described=described,
    )
    write_metrics(out, metrics)
    write_predictions(out / PREDICTIONS, _predictions(found, database, queries))
    names = [[row.name for row in place.rows] for place in (database, queries)]
    write_ground_truth(out, names[0], database.positions, names[1], queries.positions)
    # Read back, so that the report, which reads the same file, chooses the same ones.
    answers = query_results(read_predictions(out / PREDICTIONS))
    write_thumbnails(out / COPIES, answers, read_nearest(out), images)
    return found.recalls


def chance(found: RetrievalResult, database: int) -> dict[int, float]:
    """Expected recall, in per cent, of random predictions from the database.

    For a query with P positives among D images it is 1 - (D - P choose N) / (D choose N).
    """
    shares = {}
    for n in RECALL_AT:
        hit = [_hit(len(near), database, min(n, database)) for near in found.positives]
        shares[n] = 100 * sum(hit) / len(hit)
    return shares


def _hit(positives: int, database: int, drawn: int) -> float:
    missed = 1.0
    for number in range(drawn):
        missed *= max(0, database - positives - number) / (database - number)
    return 1 - missed


def _measured(found: Recalls, n: int, chance: float) -> MeasuredRecall:
    low, high = wilson(found.hits[n], found.queries)
    return MeasuredRecall(found.hits[n], found.percent(n), 100 * low, 100 * high, chance)


def _predictions(found: RetrievalResult, database: SplitImages, queries: SplitImages) -> Iterator[Prediction]:
    ground = queries.positions, database.positions
    for query, (indexes, distances, near) in enumerate(
        zip(found.predictions, found.distances, found.positives, strict=True)
    ):
        right = set(near.tolist())
        for rank, (index, distance) in enumerate(zip(indexes.tolist(), distances, strict=True), start=1):
            if index < 0:
                continue
            offset = ground[0][query] - ground[1][index]
            yield Prediction(
                query=queries.rows[query].name,
                rank=rank,
                database=database.rows[index].name,
                distance=float((offset**2).sum() ** 0.5),
                feature_distance=float(distance),
                correct=index in right,
                query_east=queries.rows[query].east,
                query_north=queries.rows[query].north,
                database_east=database.rows[index].east,
                database_north=database.rows[index].north,
            )
