"""The queries that an experiment missed worst, with pictures of what it found: what people look at first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.errors import DusklineError
from pipeline.core.files import read_json, write_json

# Of the evaluation's folder: the list, and the pictures that it names.
FOLDER = "misses"
_LIST = "misses.json"


@dataclass(frozen=True)
class Shown:
    """A picture of the database beside a missed query.

    name: in its set. picture: file in the folder. distance: metres from the query, on the ground.
    right: whether that is within the radius.
    """

    name: str
    picture: str
    distance: float
    right: bool


@dataclass(frozen=True)
class Miss:
    """A query whose first find was wrong.

    name: in its set. picture: file in the folder. first_right: rank of the first right find, None when there
    was none. nearest: the database image nearest on the ground. found: the first finds in their order.
    """

    name: str
    picture: str
    first_right: int | None
    nearest: Shown
    found: tuple[Shown, ...]


def write_misses(folder: Path, misses: list[Miss]) -> None:
    """Write the list into `folder`, worst first; the pictures lie there already."""
    write_json(folder / _LIST, [asdict(miss) for miss in misses])


def read_misses(folder: Path) -> tuple[Miss, ...]:
    """Read the list in `folder`; `DusklineError` when it is missing or not such."""
    document = read_json(folder / _LIST)
    try:
        return tuple(
            Miss(
                miss["name"],
                miss["picture"],
                miss["first_right"],
                Shown(**miss["nearest"]),
                tuple(Shown(**shown) for shown in miss["found"]),
            )
            for miss in document
        )
    except (KeyError, TypeError) as error:
        raise DusklineError(f"{folder / _LIST} is not a list of misses: {error!r}") from error
