"""ICC profiles of our own making, as small as they may be: RGB, grey and CMYK."""

from __future__ import annotations

import struct
from collections.abc import Sequence

# Of their red, green and blue: XYZ under D50, as the profiles of these colour spaces have them.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))

_D50 = (0.9642, 1.0, 0.8249)
# Of sRGB: gamma, and the line near black.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def rgb_profile(primaries: Sequence[Sequence[float]]) -> bytes:
    """A profile with these primaries and sRGB's curve, which Display P3 has too."""
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(*_SRGB_CURVE)
    tags = {f"{colour}XYZ": _xyz(xyz) for colour, xyz in zip("rgb", primaries, strict=True)}
    return _profile("mntr", "RGB ", "XYZ ", tags | {f"{colour}TRC": curve for colour in "rgb"})


def grey_profile(gamma: float) -> bytes:
    """A profile of grey with a plain gamma."""
    curve = b"para" + struct.pack(">IHH", 0, 0, 0) + _fixed(gamma)
    return _profile("mntr", "GRAY", "XYZ ", {"kTRC": curve})


def cmyk_profile() -> bytes:
    """A profile of a press whose cyan, magenta and yellow are all one middle grey, and black is black."""
    corners = []
    for cyan in (0, 1):
        for magenta in (0, 1):
            for yellow in (0, 1):
                for black in (0, 1):
                    lightness = 0 if black else 128 if cyan or magenta or yellow else 255
                    corners.append(bytes([lightness, 128, 128]))
    ramp = bytes(range(256))
    table = b"mft1" + struct.pack(">IBBBB", 0, 4, 3, 2, 0) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return _profile("prtr", "CMYK", "Lab ", {"A2B0": table + ramp * 4 + b"".join(corners) + ramp * 3})


def _profile(kind: str, colours: str, connection: str, tags: dict[str, bytes]) -> bytes:
    text = "made for a test".encode("utf-16-be")
    described = b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(text), 28) + text
    tags = {"desc": described, "cprt": described, "wtpt": _xyz(_D50)} | tags
    table, data, place = b"", b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        padded = tag + bytes(-len(tag) % 4)
        table += name.encode() + struct.pack(">II", place + len(data), len(tag))
        data += padded
    head = struct.pack(
        ">I4sI4s4s4s", place + len(data), b"", 0x04200000, *map(str.encode, (kind, colours, connection))
    )
    head += struct.pack(">6H4s4s", 2025, 1, 1, 0, 0, 0, b"acsp", b"") + bytes(24) + _fixed(*_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
