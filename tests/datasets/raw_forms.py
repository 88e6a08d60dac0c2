"""Made-up raw data for tests: small images, archives, split files, in the published forms."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

NAMING = Path(__file__).parents[1] / "data" / "naming"
Positions = Mapping[str, tuple[float, float]]


def golden(name: str) -> Any:
    return json.loads((NAMING / name).read_text(encoding="utf-8"))


def picture(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """A smooth coloured image; another for every seed."""
    rng = np.random.default_rng([seed, width, height])
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def jpeg(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    return _encoded(picture(width, height, seed), "JPEG", quality=90)


def png(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    return _encoded(picture(width, height, seed), "PNG")


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def split_file(database: Positions, queries: Positions, variable: str = "dbStruct") -> bytes:
    stream = io.BytesIO()
    fields = {
        "whichSet": "made up",
        "dbImageFns": cell(list(database)),
        "utmDb": utm_array(database),
        "qImageFns": cell(list(queries)),
        "utmQ": utm_array(queries),
        "numImages": len(database),
        "numQueries": len(queries),
        "posDistThr": 25.0,
    }
    savemat(stream, {variable: fields})
    return stream.getvalue()


def cell(names: list[str]) -> np.ndarray:
    array = np.empty((len(names), 1), dtype=object)
    array[:, 0] = names
    return array


def utm_array(positions: Positions) -> np.ndarray:
    return np.array(list(positions.values()), dtype=np.float64).reshape(-1, 2).T


def pittsburgh_raw(raw: Path, part: str = "pitts30k") -> dict[str, bytes]:
    """Write the worked cases of the golden as raw archives; return the bytes of every source."""
    rows = golden("format_pitts30k.json")["rows"]
    data = {row["source"]: jpeg(seed=number) for number, row in enumerate(rows)}
    for archive in sorted({source.partition("/")[0] for source in data}):
        inside = {name: image for name, image in data.items() if name.startswith(archive + "/")}
        # Archives hold more than any split file lists.
        write_tar(raw / f"{archive}.tar", {f"{archive}/unlisted_pitch1_yaw1.jpg": b"never read", **inside})
    members = {}
    for split in ("train", "val", "test"):
        listed = {
            kind: {
                row["source"].removeprefix("queries_real/"): tuple(row["utm"])
                for row in rows
                if row["split"] == split and row["kind"] == kind
            }
            for kind in ("database", "queries")
        }
        members[f"datasets/{part}_{split}.mat"] = split_file(listed["database"], listed["queries"])
    write_tar(raw / "netvlad_v100_datasets.tar.gz", members, "w:gz")
    return data


def tokyo_raw(raw: Path, queries: str = "247query_subset_v2") -> None:
    """Write the worked cases of the golden as raw archives."""
    rows = golden("format_tokyo247.json")["rows"]
    database = {row["source_in_mat"]: tuple(row["utm"]) for row in rows if row["kind"] == "database"}
    for archive in sorted({source.partition("/")[0] for source in database}):
        write_tar(
            raw / f"{archive}.tar",
            {
                name.replace(".jpg", ".png"): png(seed=seed)
                for seed, name in enumerate(database)
                if name.startswith(archive + "/")
            },
        )
    raw.joinpath("tokyo247.mat").write_bytes(split_file(database, {"none.jpg": (0.0, 0.0)}))
    members: dict[str, bytes] = {}
    sizes = {"00001.jpg": (640, 480), "00002.jpg": (100, 133), "01099.jpg": (960, 1280)}
    for row in rows:
        if row["kind"] == "queries":
            members[f"{queries}/{row['source']}"] = jpeg(*sizes[row["source"]])
            members[f"{queries}/{row['source'].replace('.jpg', '.csv')}"] = (
                row["csv_first_line"] + "\nmore\n"
            ).encode()
    write_zip(raw / f"{queries}.zip", members)
