"""Renders many views of one city in worker processes, in order, with few in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import active_children, get_context

import cv2

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.core.image_io import encode
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.logging_setup import speak_as_told
from pipeline.runtime.process_lock import begin_as_worker, signals_held

# Neighbouring images go to the same worker, which then needs fewer of the city's textures.
_BATCH = 12
# Batches in progress or waiting to be written, for each worker.
_AHEAD = 3


@dataclass(frozen=True, slots=True)
class District:
    """What a worker needs to build a city again: the arguments of `build_city`."""

    seed: int
    blocks_east: int
    blocks_north: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """One image to draw: where, when, and as what file (`suffix` .jpg or .png; `quality` for JPEG)."""

    district: District
    shot: Shot
    time_of_day: str
    width: int
    height: int
    suffix: str
    quality: int


# A painter fills memory with textures; cities are rendered one after the other.
@lru_cache(maxsize=1)
def _painter(district: District) -> Painter:
    return Painter(build_city(district.seed, district.blocks_east, district.blocks_north))


def draw(drawing: Drawing) -> bytes:
    """Draw one image and return it encoded; the same drawing is the same bytes in any process."""
    pixels = _painter(drawing.district).draw(drawing.shot, drawing.time_of_day, drawing.width, drawing.height)
    return encode(pixels, drawing.suffix, quality=drawing.quality)


def draw_all(drawings: Iterable[Drawing], workers: int) -> Generator[bytes, None, None]:
    """Yield the encoded images in the order of `drawings`, drawn by `workers` processes.

    The bytes do not depend on `workers`. `DusklineError` if a worker was killed, or if the system gives
    processes no semaphores, which several workers need.
    """
    if workers == 1:
        yield from map(draw, drawings)
        return
    waiting = iter(drawings)
    others = active_children()
    with _pool(workers) as pool:
        under_way: deque[Future[list[bytes]]] = deque()
        try:
            while True:
                while len(under_way) < workers * _AHEAD and (batch := list(islice(waiting, _BATCH))):
                    # The pool starts its processes one by one, as work comes.
                    with signals_held():
                        under_way.append(pool.submit(_draw_batch, batch))
                if not under_way:
                    return
                yield from under_way.popleft().result()
        except BrokenProcessPool as error:
            raise DusklineError(
                "a process that renders the city was killed, perhaps because memory ran out",
                hint="run the same command again; DUSKLINE_WORKERS=1 uses least memory",
            ) from error
        except (KeyboardInterrupt, GeneratorExit):
            # The pool would wait for images that are no longer needed.
            for worker in active_children():
                if worker not in others:
                    worker.kill()
            raise
        finally:
            for future in under_way:
                future.cancel()


def _pool(workers: int) -> ProcessPoolExecutor:
    try:
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start)
    except OSError as error:
        raise DusklineError(
            f"this system gives processes no shared memory: {error.strerror}",
            hint="make /dev/shm writable (as root: chmod 1777 /dev/shm), or set DUSKLINE_WORKERS=1",
        ) from error


def _draw_batch(drawings: list[Drawing]) -> list[bytes]:
    return [draw(drawing) for drawing in drawings]


def _start() -> None:
    """Set up a worker: it ends with its parent and uses one processor."""
    begin_as_worker()
    speak_as_told()
    cv2.setNumThreads(1)
