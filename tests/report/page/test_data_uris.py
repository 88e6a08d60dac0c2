from __future__ import annotations

import base64

import pytest

from pipeline.report.page.data_uris import as_base64, data_uri, in_base64


@pytest.mark.parametrize("length", range(7))
def test_bytes_are_as_long_as_text_as_told(length: int) -> None:
    data = bytes(range(length))
    assert base64.b64decode(as_base64(data)) == data
    assert in_base64(length) == len(as_base64(data))


def test_a_picture_is_an_address() -> None:
    assert data_uri(b"\xff\xd8") == "data:image/jpeg;base64,/9g="
    assert data_uri(b"<svg/>", "svg+xml") == "data:image/svg+xml;base64,PHN2Zy8+"
