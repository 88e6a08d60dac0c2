"""From raw images to a dataset in the common layout: every image is decoded once, broken ones are named."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.compute.resources.timings import note_work
from pipeline.core.files import digest_bytes
from pipeline.core.image_formats import is_jpeg_or_png
from pipeline.core.image_io import encode, open_rgb
from pipeline.datasets.formatting.position_check import check_positions
from pipeline.datasets.formatting.resume import ResumableSet
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.datasets.writing.set_writer import SetWriter, replaced_set
from pipeline.runtime.errors import BadArchiveError, BadImageError, SetError, listed
from pipeline.runtime.progress import progress

# Encoded images that wait to be written, per worker: enough to keep it busy, too few to fill the memory.
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Recode:
    """Encode an image again as JPEG: quality 1 to 95; shorter side in pixels, None to keep the size."""

    jpeg_quality: int
    shorter_side: int | None = None


@dataclass(frozen=True, slots=True)
class RawImage:
    """One image as a reader found it, and where it goes.

    split, role, file_name: its place in the dataset. source: its place in the raw data, such as
    `000.tar/000/000123_pitch1_yaw7.jpg`. read: returns its bytes, once, in any thread. time_of_day: "" if
    unknown. recode: None to copy the bytes unchanged. positions_in: the unit of its position, as in
    `ImageRow`. brought_from: the UTM zone it was taken in, such as "32N", if the grid of its dataset is
    another. city: in datasets of many cities, each with its own grid; otherwise "". loose: whether it is a
    file in a folder of the user, not a member of an archive.
    """

    split: str
    role: str
    file_name: str
    source: str
    read: Callable[[], bytes]
    time_of_day: str = ""
    recode: Recode | None = None
    positions_in: str = ""
    brought_from: str = ""
    city: str = ""
    loose: bool = False

    @property
    def name(self) -> str:
        """The name in the dataset."""
        return f"images/{self.split}/{self.role}/{self.file_name}"


# Datasets have only these formats, so what is copied unchanged must be one of them.
NOT_COPIED = "neither JPEG nor PNG; convert it"
_LOOSE_HINT = (
    "copy damaged images again from the camera or phone, or remove them from the folder; nothing was changed"
)
_ARCHIVE_HINT = "download their archives again; the raw data was not changed"

# An image with its bytes, ready to be written; one that is there already; or why there is none.
_Result = tuple[ImageRow, bytes] | ImageRow | str


def format_set(
    images: Iterable[RawImage],
    root: Path,
    *,
    workers: int,
    expected: Mapping[str, int] | None = None,
    resumable: ResumableSet | None = None,
    terms: Sequence[Terms] = (),
    shards_above: int | None = None,
    label: str = "",
) -> ImageSet:
    """Write `images` as the dataset `root`, replacing an older one; `workers` threads decode.

    The result depends neither on `workers` nor on the order of the images. label: of the progress bar.
    expected: the number of images by "split/role", as far as it is known. resumable: the images that an
    interrupted run has left, and where this run keeps its own; None to start from the beginning.
    terms: under which the images may be used. shards_above: see `replaced_set`.
    Raises `SetError` at once if two images have the same name; at the end `BadImageError` with every image
    that cannot be read, `SetError` if the numbers of images are not the expected ones, and errors as
    `check_positions`. `root` then stays as it was.
    """
    count = kept = 0
    found: Counter[str] = Counter()
    broken: list[str] = []
    loose = False
    rows: list[ImageRow] = []
    cities: list[str] = []
    with replaced_set(root, shards_above) as writer:
        with ThreadPoolExecutor(workers) as pool:
            pairs = _in_order(pool, images, partial(_prepare, resumable), workers * _AHEAD)
            for raw, result in progress(pairs, label=label):
                count += 1
                kept += isinstance(result, ImageRow)
                found[f"{raw.split}/{raw.role}"] += 1
                if isinstance(result, str):
                    broken.append(result)
                    loose = raw.loose
                else:
                    rows.append(_write(writer, resumable, result))
                    cities.append(raw.city)
        if broken:
            raise BadImageError(
                f"{len(broken)} of {count} images cannot be read:{listed(broken)}",
                hint=_LOOSE_HINT if loose else _ARCHIVE_HINT,
            )
        _require_counts(found, expected or {})
        if rows:
            check_positions(rows, cities)
        write_terms(writer.root, terms)
    if resumable is not None:
        resumable.remove()
    note_work(of=count, done=count - kept)
    return ImageSet.open(root)


def _require_counts(found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    wrong = [
        f"{place}: {found.get(place, 0):,} instead of {count:,}"
        for place, count in expected.items()
        if found.get(place, 0) != count
    ]
    if wrong:
        raise SetError(
            f"the numbers of images differ from those of the published dataset:{listed(wrong)}",
            hint="an archive is missing, or is another one; if you want only a part of the dataset, set "
            "expected: null in its section",
        )


def shorter_side_size(width: int, height: int, shorter_side: int) -> tuple[int, int]:
    """Return (width, height) with the given shorter side, the longer one cut to whole pixels (at least 1).

    As torchvision's Resize, which the published formatter of Tokyo 24/7 uses.
    """
    if width <= height:
        return shorter_side, max(1, shorter_side * height // width)
    return max(1, shorter_side * width // height), shorter_side


def _prepare(resumable: ResumableSet | None, raw: RawImage) -> _Result:
    known = None if resumable is None else resumable.rows.get(raw.name)
    if known is not None and (known.source, known.time_of_day) == (raw.source, raw.time_of_day):
        return known
    try:
        data = raw.read()
        picture = open_rgb(data, label=raw.source)
        if raw.recode is None:
            if not is_jpeg_or_png(data):
                return f"{raw.source}: {NOT_COPIED}"
        else:
            picture = _resized(picture, raw.recode.shorter_side)
            data = encode(np.asarray(picture), ".jpg", quality=raw.recode.jpeg_quality, label=raw.source)
    except (BadImageError, BadArchiveError) as error:
        return error.message
    except OSError as error:
        return f"{raw.source}: cannot be read ({error.strerror or error})"
    of_file = digest_bytes(data), len(data), *picture.size
    return ImageRow(raw.name, raw.source, *of_file, raw.time_of_day, raw.positions_in), data


def _resized(picture: Image.Image, shorter_side: int | None) -> Image.Image:
    if shorter_side is None:
        return picture
    return picture.resize(shorter_side_size(*picture.size, shorter_side), Image.Resampling.BILINEAR)


def _write(
    writer: SetWriter, resumable: ResumableSet | None, result: tuple[ImageRow, bytes] | ImageRow
) -> ImageRow:
    row, data = result if isinstance(result, tuple) else (result, None)
    if resumable is not None:
        if data is not None:
            resumable.add(row, data)
        writer.link(row, resumable.folder / row.name)
    elif data is not None:
        writer.write(row, data)
    return row


def _in_order(
    pool: ThreadPoolExecutor, images: Iterable[RawImage], prepare: Callable[[RawImage], _Result], ahead: int
) -> Iterator[tuple[RawImage, _Result]]:
    """Prepare images in threads, at most `ahead` at a time, and yield them in their order."""
    pending: deque[tuple[RawImage, Future[_Result]]] = deque()
    for raw in images:
        pending.append((raw, pool.submit(prepare, raw)))
        if len(pending) == ahead:
            first, future = pending.popleft()
            yield first, future.result()
    while pending:
        first, future = pending.popleft()
        yield first, future.result()
