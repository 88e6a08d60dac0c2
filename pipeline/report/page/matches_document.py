"""The data that the browser of matches reads: test sets, evaluations and images, in compact form.

Each image name is stored once per test set, and each image once per page. Query results are rows of numbers,
documented in `_row`; templates/finds.js reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from pipeline.datasets.image_set.image_set import unit_of
from pipeline.report.page.data_uris import as_base64, in_base64
from pipeline.vpr.results.ground_truth import Nearest
from pipeline.vpr.results.query_results import QueryResult, worst_first
from pipeline.vpr.results.thumbnails import Thumbnail, Thumbnails

# Maximum characters of a result's numbers, of an image's position, and of its number.
_ROW, _PLACE, _PICTURE = 200, 24, 24


@dataclass
class ShownSet:
    """A test set in the document; images are referred to by number.

    positions_in: unit of positions, distances and radius, "" for metres. nearest: the database image nearest
    to each query. origin: origin of the positions. standpoints: those of the database that are drawn, in
    decimetres or tenths of a frame. counted: number of standpoints and of images.
    """

    name: str
    radius: float
    positions_in: str
    depth: int
    nearest: dict[str, Nearest]
    origin: tuple[float, float]
    standpoints: list[int]
    counted: tuple[int, int]
    numbers: dict[str, int] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    pictures: dict[str, Thumbnail] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Unit of its distances: m or frames."""
        return unit_of(self.positions_in)

    def images(self, answer: QueryResult) -> list[tuple[str, float, float]]:
        """Name and position of the images of a result: the query, the nearest image, the matches."""
        nearest, first = self.nearest[answer.query], answer.found[0]
        return [
            (first.query, first.query_east, first.query_north),
            (nearest.database, nearest.east, nearest.north),
            *((match.database, match.database_east, match.database_north) for match in answer.found),
        ]

    def number(self, name: str, east: float, north: float) -> int:
        """The number of an image; it gets a new one if it has none."""
        if name not in self.numbers:
            self.numbers[name] = len(self.numbers)
            self.places += [round(10 * (east - self.origin[0])), round(10 * (north - self.origin[1]))]
        return self.numbers[name]


@dataclass
class ShownEvaluation:
    """An experiment on a test set in the document; `telling`: all results, the most informative first."""

    experiment: str
    shown_set: ShownSet
    telling: list[QueryResult]
    copies: Thumbnails
    listed: list[QueryResult] = field(default_factory=list)
    pictured: int = 0
    rows: list[list[float]] = field(default_factory=list)

    @property
    def worst(self) -> QueryResult | None:
        """The result that is shown without scripts; None if every query was found."""
        return next(iter(worst_first(answer for answer in self.telling if not answer.right)), None)

    def bytes_to_list(self, answer: QueryResult) -> int:
        """Maximum characters that a result adds to the document."""
        names = {name for name, _, _ in self.shown_set.images(answer)}
        new = [name for name in names if name not in self.shown_set.numbers]
        return _ROW + sum(len(in_script(name)) + _PLACE for name in new)

    def put(self, answer: QueryResult) -> None:
        """Add a result to the document."""
        self.listed.append(answer)
        self.rows.append(self._row(answer))

    def pictures(self, answer: QueryResult) -> dict[str, Thumbnail]:
        """The thumbnails of a result's images, by name; none if the query has none."""
        copies = self.copies.copies
        names = [name for name, _, _ in self.shown_set.images(answer)]
        return {name: copies[name] for name in names if name in copies} if answer.query in copies else {}

    def _row(self, answer: QueryResult) -> list[float]:
        """A result as numbers: four for the query, then four for each match.

        For the query: image, rank of the first correct match (0: none), nearest image and its distance. For a
        match: image, distance, descriptor distance, 1 if correct. Images are numbers in their test set;
        distances on the ground are in decimetres.
        """
        query, nearest, *found = (self.shown_set.number(*image) for image in self.shown_set.images(answer))
        row: list[float] = [query, answer.first_right or 0, nearest]
        row.append(round(10 * self.shown_set.nearest[answer.query].distance))
        for number, match in zip(found, answer.found, strict=True):
            feature_distance = float(f"{match.feature_distance:.4g}")
            row += [number, round(10 * match.distance), feature_distance, int(match.correct)]
        return row


class ShownPictures:
    """Images of the document, each stored once, even if it is in several test sets."""

    def __init__(self) -> None:
        self.numbers: dict[Thumbnail, int] = {}
        self.texts: list[str] = []

    def bytes_to_show(self, evaluation: ShownEvaluation, pictures: dict[str, Thumbnail]) -> int:
        """Maximum characters that images of an evaluation add to the document."""
        new = {copy for copy in pictures.values() if copy not in self.numbers}
        named = sum(name not in evaluation.shown_set.pictures for name in pictures)
        return _PICTURE * named + sum(_PICTURE + in_base64(copy.size) for copy in new)

    def show(self, evaluation: ShownEvaluation, pictures: dict[str, Thumbnail]) -> None:
        """Add images of an evaluation to the document."""
        for name, copy in pictures.items():
            if copy not in self.numbers:
                self.numbers[copy] = len(self.numbers)
                self.texts.append(as_base64(evaluation.copies.read(name)))
            evaluation.shown_set.pictures.setdefault(name, copy)
        evaluation.pictured += 1


def document_of(
    sets: Sequence[ShownSet], evaluations: Sequence[ShownEvaluation], pictures: ShownPictures
) -> Markup:
    """The document as JSON."""
    document = {
        "sets": [_set(one, pictures) for one in sets],
        "evaluations": [
            {
                "set": sets.index(one.shown_set),
                "experiment": one.experiment,
                "queries": len(one.telling),
                "right": sum(answer.right for answer in one.telling),
                "rows": one.rows,
            }
            for one in evaluations
        ],
        "pictures": pictures.texts,
    }
    return in_script(document)


def in_script(document: object) -> Markup:
    """JSON that is safe in a script element and in text: as the filter `tojson` does, without its spaces."""
    return htmlsafe_json_dumps(document, separators=(",", ":"))


def _set(one: ShownSet, pictures: ShownPictures) -> dict[str, object]:
    return {
        "name": one.name,
        "radius": one.radius,
        "unit": one.unit,
        "depth": one.depth,
        "standpoints": one.standpoints,
        "counted": one.counted,
        "names": list(one.numbers),
        "places": one.places,
        "pictures": {one.numbers[name]: pictures.numbers[copy] for name, copy in one.pictures.items()},
    }
