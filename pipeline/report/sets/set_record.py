"""The origin of a dataset: digest, licence terms, what made its nights, what failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import Terms, read_terms
from pipeline.night.records.provenance import ORIGINS, Origin, read_origins
from pipeline.night.records.summary import Reason, reasons_of
from pipeline.runtime.errors import DusklineError

RECORD = "record.json"


@dataclass(frozen=True, order=True)
class Maker:
    """What made `nights` nights: translator, digests of checkpoint and settings, numeric path."""

    translator: str
    checkpoint_digest: str
    settings_digest: str
    numeric_path: str
    nights: int


@dataclass(frozen=True)
class SetRecord:
    """The origin of a dataset.

    digest: SHA-256 of the manifest. terms: licence terms of its images. makers: what made its nights, if any.
    failed: days that have no night. reasons: why, most common first, grouped without their numbers.
    """

    digest: str
    terms: tuple[Terms, ...]
    makers: tuple[Maker, ...]
    failed: int
    reasons: tuple[Reason, ...]


def write_set_record(folder: Path, images: ImageSet) -> SetRecord:
    """Gather the records beside a dataset's images into `folder`; errors as in their readers."""
    origins = read_origins(images.root) if (images.root / ORIGINS).is_file() else ()
    # A merged dataset has the records of all nights, also of those that it does not keep.
    kept = {row.name for row in images.rows}
    made = Counter(_maker(origin) for origin in origins if origin.name in kept)
    failed = [(origin.source, origin.reason) for origin in origins if origin.status == "failed"]
    record = SetRecord(
        images.digest,
        read_terms(images.root),
        tuple(Maker(*maker, nights) for maker, nights in sorted(made.items())),
        len(failed),
        reasons_of(failed),
    )
    write_json(folder / RECORD, asdict(record))
    return record


def read_set_record(folder: Path) -> SetRecord:
    """Read the record in `folder`; `DusklineError` if it is missing or invalid."""
    document = read_json(folder / RECORD)
    try:
        return SetRecord(
            document["digest"],
            tuple(Terms(**terms) for terms in document["terms"]),
            tuple(Maker(**maker) for maker in document["makers"]),
            document["failed"],
            tuple(Reason(**reason) for reason in document["reasons"]),
        )
    except (TypeError, KeyError) as error:
        raise DusklineError(f"{folder / RECORD} is not the record of a dataset: {error!r}") from error


def _maker(origin: Origin) -> tuple[str, str, str, str]:
    return origin.translator, origin.checkpoint_digest, origin.settings_digest, origin.numeric_path
