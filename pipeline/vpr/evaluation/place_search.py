"""Search all queries of an experiment; database descriptors may come from the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.compute.device.precision import numeric_path
from pipeline.compute.resources.timings import note_work
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.evaluation.crop_fusion import majority_voting, nearest_crop
from pipeline.vpr.evaluation.descriptor_cache import DescriptorCache, describing_digest
from pipeline.vpr.evaluation.local_extraction import Describer
from pipeline.vpr.evaluation.query_preprocessing import (
    CROPPED,
    CROPS,
    SEARCHED_APART,
    PreprocessedQueries,
)
from pipeline.vpr.experiments.experiment import Experiment, Treatment
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.retrieval.descriptor_io import in_pieces, write_descriptors
from pipeline.vpr.retrieval.ivfpq import IvfPq
from pipeline.vpr.retrieval.nearest_neighbours import nearest, search_plan
from pipeline.vpr.retrieval.recall import RECALL_AT
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction, RetrievalResult, evaluate_matches

# Kept on request, in the order of the images' names.
DATABASE_DESCRIPTORS = "descriptors_database.npy"
QUERY_DESCRIPTORS = "descriptors_queries.npy"


def find_places(
    settings: Experiment,
    model: str,
    database: SplitImages,
    queries: SplitImages,
    describers: tuple[Describer, Describer],
    store: Path,
    out: Path,
) -> tuple[RetrievalResult, str]:
    """Find the place of each query; also return in words how the database was searched.

    describers: of the database, whose model has the digest `model`, and of the queries. Database descriptors
    are read from the folder `store`, or written there. If the settings say so, all descriptors are written
    into `out` too. `ParameterError` when query and database descriptors differ in length.
    """
    of_database, of_queries = describers
    known = _known(settings, model, database, of_database.extraction)
    note_work(of=len(queries) + len(database), done=len(queries))
    asked = describe_queries(queries, settings.queries, of_queries)

    def describe() -> Iterator[np.ndarray]:
        note_work(of=0, done=len(database))
        for piece in of_database.pieces(database):
            # Fail before the whole database is described for nothing.
            _require_one_length(asked, piece)
            yield piece

    with DescriptorCache(store).opened(known, len(database), describe) as described:
        _require_one_length(asked, described)
        plan = search_plan(described, settings.ivfpq_above)
        found = search_queries(described, asked, settings.queries, plan)
        if settings.save_descriptors:
            write_descriptors(out / DATABASE_DESCRIPTORS, len(described), in_pieces(described))
            write_descriptors(out / QUERY_DESCRIPTORS, len(asked), [asked])
    return evaluate_matches(
        found, database, queries, settings.radius
    ), plan.words if plan else "exact L2 search"


def _require_one_length(queries: np.ndarray, database: np.ndarray) -> None:
    if queries.shape[-1] != database.shape[1]:
        raise ParameterError(
            f"query descriptors have {queries.shape[-1]:,} dimensions and database descriptors"
            f" {database.shape[1]:,}, so they cannot be compared",
            hint="for the queries, use a model that was adapted from the model of the database",
        )


def describe_queries(queries: SplitImages, treatment: Treatment, describer: Describer) -> np.ndarray:
    """Descriptors of preprocessed queries: (Q, D), or (Q, 5, D) when each crop is searched separately."""
    treated = PreprocessedQueries(queries, treatment)
    if treatment not in CROPPED:
        # Images of different sizes cannot form a batch.
        return describer.descriptors(treated, 1 if treatment == "single_query" else BATCH)
    apart = treatment in SEARCHED_APART
    found = describer.descriptors(treated, BATCH // CROPS, apart)
    return found.reshape(len(found), CROPS, -1) if apart else found


def search_queries(
    described: np.ndarray, asked: np.ndarray, treatment: Treatment, plan: IvfPq | None
) -> tuple[np.ndarray, np.ndarray]:
    """Search `asked`, the result of `describe_queries`, in the database descriptors (n, D).

    Returns distances and indexes of the nearest, (Q, N) each, as `nearest` does.
    """
    found = nearest(described, asked.reshape(-1, asked.shape[-1]), max(RECALL_AT), plan)
    if asked.ndim == 2:
        return found
    distances, indexes = (values.reshape(len(asked), CROPS, -1) for values in found)
    return (nearest_crop if treatment == "nearest_crop" else majority_voting)(distances, indexes)


def _known(
    settings: Experiment, model: str, database: SplitImages, extraction: Extraction
) -> dict[str, object]:
    """Everything that the descriptors of a database depend on."""
    return {
        "model": model,
        "height": settings.height,
        "width": settings.width,
        "multi_scale": settings.multi_scale,
        "numeric_path": numeric_path(extraction.device, extraction.numbers, settings.cpu_threads),
        "code": describing_digest(),
        "pictures": [row.digest for row in database.rows],
    }
