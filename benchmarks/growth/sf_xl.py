"""SF-XL on paper: what was measured on tiny pictures and elsewhere in benchmarks/, and stated assumptions.

No part of SF-XL was formatted, translated or described for it, and no GPU was timed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.growth.curve import Curve
from benchmarks.growth.steps import FIRST, FORMAT, MERGE, NOTHING, PLAN, PULL, PUSH, RECORD
from pipeline.vpr.retrieval.ivfpq import IvfPq

HOUR = 3600
GB = 1e9


@dataclass(frozen=True)
class Part:
    """Images that are made one set of, 512x512, and their bytes, as `duskline sources sf_xl` tells them."""

    name: str
    images: int
    bytes: float


PARTS = (
    Part("test database", 2_800_000, 122e9),
    Part("everything raw", 41_200_000, 1e12),
)


@dataclass(frozen=True)
class Rate:
    """A number that the calculation rests on, in `unit`, and where it comes from."""

    what: str
    value: float
    unit: str
    source: str


def _index_products(images: int, length: int) -> float:
    """Products to put each descriptor into one of the lists, which grow with the root of the images."""
    return images * IvfPq.of(images, length).lists * length


_SHARE_OF_PIXELS = 512 * 512 / (680 * 512)  # of the nights that benchmarks.translate makes
_PICTURES_PER_SECOND = "pictures/s"

DECODE = Rate(
    "decode, check and copy, 2 cores", 358, _PICTURES_PER_SECOND, "`benchmarks.format`, 640x480 of 105 kB"
)
TRANSLATE_CPU = Rate(
    "translate, 2 cores, bfloat16",
    1.55 / _SHARE_OF_PIXELS,
    _PICTURES_PER_SECOND,
    "`benchmarks.translate`, 1.55 of 680x512",
)
GFLOP = Rate("the published network", 755 * _SHARE_OF_PIXELS, "GFLOP a picture", "speed.md, 755 of 680x512")
GPU = Rate("one GPU, convolutions in bfloat16", 60, "TFLOP/s", "**assumed**: a fifth of an A100's 312")
DESCRIBE_CPU = Rate(
    "describe, 2 cores, bfloat16",
    48 / 1.0 * (640 * 480) / (512 * 512),
    _PICTURES_PER_SECOND,
    "`benchmarks.vpr`, 48 of 640x480 a second",
)
DESCRIBE_GPU = Rate(
    "describe, one GPU fed by 8 cores",
    1000,
    _PICTURES_PER_SECOND,
    "**assumed**: what 8 cores decode bounds it",
)
EXACT = Rate("exact search, 2 cores", 1e6 * 1000 * 512 / 5.0, "products/s", "`benchmarks.search`: 5.0 s")
BUILD = Rate(
    "build an index, 2 cores", _index_products(10**6, 512) / 15.1, "products/s", "`benchmarks.search`: 15.1 s"
)
NIGHT = Rate("a night, JPEG of quality 90", 70, "kB", "**assumed**: 60 to 80")
DISK = Rate("read or write a disk", 500, "MB/s", "**assumed**")
WIRE = Rate("a network", 117, "MB/s", "**assumed**: 1 Gbit/s")
REQUESTS = Rate(
    "objects to or from S3", 10_000 / 36, "objects/s", "10,000 in 36 s, with a server on the same machine"
)

RATES = (
    DECODE, TRANSLATE_CPU, GFLOP, GPU, DESCRIBE_CPU, DESCRIBE_GPU, EXACT, BUILD, NIGHT, DISK, WIRE, REQUESTS,
)  # fmt: skip

QUERIES = 1000  # of SF-XL's first test
GPUS = 8
NETVLAD, GEM = 64 * 256, 512  # numbers of a descriptor: ResNet-18, conv4 with 64 clusters, and conv5

# ext4 without `large_dir`: blocks of a folder's index, two levels deep, that each name a block of entries.
_EXT4_BLOCK, _EXT4_BLOCKS = 4096, 508 * 511
# An entry is 8 bytes and the name, here of about 80 characters; blocks that were split are on the way from
# half full to full.
_EXT4_ENTRY, _EXT4_FULL = 88, 0.75


def report(curves: Mapping[str, Curve]) -> str:
    """The calculation as two Markdown tables: what it rests on, and what it comes to.

    curves: of every step, each measured at two sizes at least.
    """
    rests = ["| | | from |", "|---|---|---|"]
    rests += [f"| {rate.what} | {_number(rate.value)} {rate.unit} | {rate.source} |" for rate in RATES]
    comes = [
        "| | " + " | ".join(f"{part.name}, {_millions(part.images)}" for part in PARTS) + " |",
        "|---" * (1 + len(PARTS)) + "|",
    ]
    columns = [list(_rows(part, curves)) for part in PARTS]
    for row in zip(*columns, strict=True):
        comes.append("| " + " | ".join([row[0][0], *(value for _, value in row)]) + " |")
    return "\n".join([*rests, "", *comes])


def names_in_an_ext4_folder() -> int:
    """About how many images fit into one folder of ext4, as it is made by default."""
    return round(_EXT4_BLOCKS * _EXT4_FULL * (_EXT4_BLOCK // _EXT4_ENTRY))


def _rows(part: Part, curves: Mapping[str, Curve]) -> list[tuple[str, str]]:
    """What one part comes to, line by line."""
    days, nights = part.images, part.images
    day_bytes, night_bytes = part.bytes, nights * NIGHT.value * 1e3
    moved = day_bytes + night_bytes
    translate_gpu = GPU.value * 1e3 / GFLOP.value

    def ours(*steps: str) -> float:
        return sum(curves[step].seconds(days) for step in steps)

    def held(*steps: str) -> str:
        return _gigabytes(max(curves[step].peak(days) for step in steps))

    # The raw pictures are read by DVC and by format, days and nights by DVC in two sets each; the days are
    # written by format, the nights by translate.
    through_disk = (2 * day_bytes + 2 * moved + moved) / (DISK.value * 1e6)
    listed = 2 * days / REQUESTS.value
    sent = moved / (WIRE.value * 1e6)
    return [
        ("days, bytes", _gigabytes(day_bytes)),
        ("nights, bytes", _gigabytes(night_bytes)),
        ("day and night together, bytes beside them (hard links, as DVC's cache and the work store)", "0"),
        ("objects on a remote, files of their own on disk", _millions(2 * days)),
        ("images in the largest folder, where ext4 takes about " + _millions(names_in_an_ext4_folder()),
         _millions(2 * days)),
        ("format, 2 cores", _hours(max(days / DECODE.value, ours(FORMAT)))),
        ("translate, 2 cores", _hours(days / TRANSLATE_CPU.value)),
        ("translate, 1 GPU", _hours(days / translate_gpu)),
        (f"translate, {GPUS} GPUs", _hours(days / translate_gpu / GPUS)),
        ("plan, record and merge", _hours(ours(PLAN, RECORD, MERGE))),
        ("first `dvc repro` beside decoding and translating",
         _hours(ours(FIRST) + through_disk)),
        ("`dvc repro` with nothing to do", _hours(ours(NOTHING))),
        ("push to or pull from a folder on a network", _hours(max(ours(PUSH), ours(PULL)) + sent)),
        ("push to or pull from S3", _hours(max(listed, sent))),
        ("memory: format, plan, record", held(FORMAT, PLAN, RECORD)),
        ("memory: merge", held(MERGE)),
        ("memory: DVC, nothing to do / first `dvc repro`", f"{held(NOTHING)} / {held(FIRST)}"),
        ("memory: DVC, push or pull", held(PUSH, PULL)),
        ("describe, 2 cores", _hours(days / DESCRIBE_CPU.value)),
        ("describe, 1 GPU", _hours(days / DESCRIBE_GPU.value)),
        (f"descriptors, NetVLAD ({NETVLAD:,} numbers)", _gigabytes(days * NETVLAD * 4)),
        (f"descriptors, GeM ({GEM} or 256 numbers)",
         f"{_gigabytes(days * GEM * 4)} or {_gigabytes(days * 256 * 4)}"),
        (f"codes and numbers of an IVF-PQ index held, GeM of {GEM}", _gigabytes(_index_bytes(days, GEM))),
        (f"search, {QUERIES:,} queries, exact: NetVLAD", _hours(_exact(days, NETVLAD))),
        (f"search, {QUERIES:,} queries, exact: GeM of {GEM}", _hours(_exact(days, GEM))),
        (f"build an IVF-PQ index, GeM of {GEM}", _hours(_built(days, GEM))),
    ]  # fmt: skip


def _exact(images: int, length: int) -> float:
    return images * QUERIES * length / EXACT.value + _read_twice(images, length)


def _built(images: int, length: int) -> float:
    return _index_products(images, length) / BUILD.value + _read_twice(images, length)


def _read_twice(images: int, length: int) -> float:
    """Seconds to look whether all descriptors are finite, and then to use them, from the disk each time."""
    return 2 * images * length * 4 / (DISK.value * 1e6)


def _index_bytes(images: int, length: int) -> float:
    plan = IvfPq.of(images, length)
    return images * (plan.code_bytes + 8) + plan.lists * length * 4


def _hours(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / 60:.0f} min"
    days = seconds / HOUR / 24
    return f"{_number(seconds / HOUR)} h" if days < 3 else f"{_number(seconds / HOUR)} h ({days:.0f} days)"


def _gigabytes(count: float) -> str:
    return f"{count / 1e12:.1f} TB" if count >= 1e12 else f"{_number(count / GB)} GB"


def _millions(count: float) -> str:
    return f"{count / 1e6:.1f} M"


def _number(value: float) -> str:
    """Three digits, and whole above a hundred."""
    if value >= 1e6:
        return f"{value:.1e}"
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 2)}f}"
