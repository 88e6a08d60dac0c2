from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.core.image_io import open_rgb
from pipeline.core.jpeg_scans import START_OF_SCAN, require_all_scans, segments
from pipeline.runtime.errors import BadImageError
from tests.datasets.raw_forms import picture


def coded(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


def scans(data: bytes) -> list[int]:
    """Where the scans of a file begin."""
    return [start - 2 for marker, start, _ in segments(data) if marker == START_OF_SCAN]


def apart(data: bytes) -> bytes:
    """A grey sequential JPEG as the first of three components, each of which comes in a scan of its own."""
    parts: dict[int, bytes] = {marker: data[start:end] for marker, start, end in segments(data)}
    frame = parts[0xC0]
    three = bytes([0, 17]) + frame[2:7] + bytes([3, *(1, 0x11, 0), *(2, 0x11, 0), *(3, 0x11, 0)])
    [scan] = scans(data)
    coded_pixels = data[scan + 10 : -2]
    head = data[:scan].replace(b"\xff\xc0" + frame, b"\xff\xc0" + three)
    own = (b"\xff\xda\0\x08\x01" + bytes([component, 0, 0, 63, 0]) for component in (1, 2, 3))
    return head + b"".join(one + coded_pixels for one in own) + data[-2:]


FILES = {
    "colours": coded(picture(90, 70), progressive=True),
    "grey": coded(picture(90, 70).convert("L"), progressive=True),
    "inks": coded(picture(90, 70).convert("CMYK"), progressive=True),
    "restarts": coded(picture(90, 70), progressive=True, restart_marker_blocks=2),
    "by OpenCV": cv2.imencode(".jpg", np.asarray(picture(90, 70)), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[
        1
    ].tobytes(),
    "sequential, apart": apart(coded(picture(90, 70).convert("L"))),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_whole_with_all_its_scans_alone(name: str) -> None:
    whole = FILES[name]
    assert open_rgb(whole).size == (90, 70)
    places = scans(whole)
    assert len(places) >= 3
    for place in places[1:]:
        with pytest.raises(BadImageError, match=r"a\.jpg: cannot be decoded \(some of its scans are missing"):
            open_rgb(whole[:place] + b"\xff\xd9", label="a.jpg")


def test_a_thumbnail_and_markers_in_other_segments_are_no_scans() -> None:
    whole = coded(
        picture(90, 70), progressive=True, comment=FILES["colours"], exif=b"Exif\0\0" + b"\xff\xda" * 9
    )
    assert len(scans(whole)) == len(scans(FILES["colours"]))
    require_all_scans(whole)


def test_of_a_baseline_file_only_the_head_is_looked_at() -> None:
    data = coded(picture(90, 70))
    [scan] = scans(data)
    require_all_scans(data[: scan + 14])
