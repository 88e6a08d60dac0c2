"""Pictures inside the page itself, as text."""

from __future__ import annotations

import base64


def in_base64(size: int) -> int:
    """Characters that `size` bytes take as text."""
    return 4 * -(-size // 3)


def as_base64(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode("ascii")


def jpeg_uri(data: bytes) -> str:
    """A JPEG as the address that an `img` takes."""
    return "data:image/jpeg;base64," + as_base64(data)
