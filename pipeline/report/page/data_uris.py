"""Images embedded in the page, as text."""

from __future__ import annotations

import base64


def in_base64(size: int) -> int:
    """Characters that `size` bytes take as text."""
    return 4 * -(-size // 3)


def as_base64(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode("ascii")


def data_uri(data: bytes, kind: str = "jpeg") -> str:
    """An image as a data URI for an `img` element; kind: jpeg or svg+xml."""
    return f"data:image/{kind};base64,{as_base64(data)}"
