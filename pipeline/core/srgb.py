"""Converts any decoded image to 8-bit sRGB: applies its colour profile, puts transparency over white."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# The background of images with transparency.
BACKGROUND = "white"

_DEEP_GREY = ("I;16", "I;16B", "I;16L", "I")
_COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
# Levels (of 255) by which a profile of sRGB itself may differ because of rounding.
_ROUNDING = 2
# Transforms that are cached: images come from few cameras.
_CAMERAS = 16
# All threads share one transform, so it must not cache a pixel of the last call.
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a decoded image of any mode to mode RGB.

    profile: the embedded ICC profile. Colours are converted by relative colorimetry with black point
    compensation, so all colours that sRGB can show stay the same. A profile of sRGB changes nothing; one that
    is unreadable, or is for another colour mode than the image, is ignored, as viewers do. 16-bit grey is
    scaled to 8 bits.
    """
    colours = _colours(image)
    transform = _transform(profile, colours.mode) if profile else None
    if transform is not None:
        colours = _applied(colours, transform)
    rgb = colours if colours.mode == "RGB" else colours.convert("RGB")
    opacity = _opacity(image)
    if opacity is None:
        return rgb
    laid = Image.new("RGB", rgb.size, BACKGROUND)
    laid.paste(rgb, mask=opacity)
    return laid


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # it is None only for in-place conversion
    return converted


def _colours(image: Image.Image) -> Image.Image:
    """The colours without their opacity, in mode L, RGB or CMYK."""
    if image.mode in _DEEP_GREY:
        # Pillow would clip to white.
        return Image.fromarray((_deep_levels(image) // 257).astype(np.uint8))
    if image.mode in _COLOUR_SPACES:
        return image
    return image.convert("L" if image.mode in ("1", "LA") else "RGB")


def _opacity(image: Image.Image) -> Image.Image | None:
    """255 where an image is opaque, 0 where it is transparent; None if it has no transparency."""
    if not image.has_transparency_data:
        return None
    if image.mode in _DEEP_GREY:
        opaque = _deep_levels(image) != image.info["transparency"]
        return Image.fromarray(opaque.astype(np.uint8) * 255)
    return image.convert("RGBA").getchannel("A")


def _deep_levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.int64).clip(0, 65535)


@lru_cache(maxsize=_CAMERAS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB; None if there is none, or none is needed."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _COLOUR_SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            source, _SRGB, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, _FLAGS
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return None if mode != "CMYK" and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    before = Image.fromarray(cube if mode == "RGB" else levels[None])
    after = _applied(before, transform)
    change = np.asarray(before.convert("RGB"), np.int16) - np.asarray(after, np.int16)
    return int(np.abs(change).max()) <= _ROUNDING
