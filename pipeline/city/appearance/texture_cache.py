"""A bounded store of lit textures and of their smaller copies."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import cv2
import numpy as np

Key = tuple[Hashable, ...]


class TextureStore:
    """Keeps the most recently used images up to `limit` bytes; an image only depends on its key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._pictures: OrderedDict[Key, np.ndarray] = OrderedDict()

    def get(self, key: Key, draw: Callable[[], np.ndarray]) -> np.ndarray:
        """The image of a key; it is drawn and kept if missing."""
        picture = self._pictures.get(key)
        if picture is not None:
            self._pictures.move_to_end(key)
            return picture
        picture = draw()
        self._pictures[key] = picture
        self._held += picture.nbytes
        while self._held > self._limit and len(self._pictures) > 1:
            _, dropped = self._pictures.popitem(last=False)
            self._held -= dropped.nbytes
        return picture

    def peek(self, key: Key, draw: Callable[[], np.ndarray]) -> np.ndarray:
        """The image of a key; it is drawn but not kept if missing."""
        picture = self._pictures.get(key)
        return draw() if picture is None else picture


def shrink(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    """The image with width / 2^across and height / 2^down pixels, at least 1 each."""
    height, width = picture.shape[:2]
    size = (max(width >> across, 1), max(height >> down, 1))
    if size == (width, height):
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def bleed(picture: np.ndarray) -> np.ndarray:
    """Give the transparent part of a cut-out (h, w, 4) its mean colour, so that edges do not darken."""
    solid = picture[:, :, 3] > 127
    if solid.any() and not solid.all():
        picture[~solid, :3] = picture[solid, :3].mean(0).astype(np.uint8)
    return picture
