"""The work of a worker whose translator takes batches: threads read and encode while it translates."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pipeline.core.image_io import read_rgb
from pipeline.night.engine.translate_image import Failed, Task, Translated, made, outcome, read
from pipeline.night.records.translator import BatchTranslator, OutputFormat, Prepared


class Pipe(Protocol):
    """Where tasks come from and results go, in the same order: a `Connection`, for instance."""

    def poll(self) -> bool:
        """Whether a task has arrived."""
        ...

    def recv(self) -> Any:
        """Wait for a task; `EOFError` if there will be no more."""
        ...

    def send(self, answer: Any, /) -> None:
        """Send a result."""
        ...


def answer_in_batches(pipe: Pipe, translator: BatchTranslator, output: OutputFormat) -> None:
    """Do the tasks that come through `pipe`, in order, until it ends with an `EOFError`.

    The tasks that have arrived, up to a batch, are translated together; threads read the next ones and encode
    the previous ones.
    """
    with ThreadPoolExecutor(translator.threads) as pool:
        desk = _Desk(translator, output, pool)
        while True:
            while desk.idle or pipe.poll():
                desk.take(pipe.recv())
            desk.translate()
            for answer in desk.answers():
                pipe.send(answer)


@dataclass
class _Desk:
    """The images that a worker is working on."""

    translator: BatchTranslator
    output: OutputFormat
    pool: ThreadPoolExecutor

    def __post_init__(self) -> None:
        self._reading: deque[Future[Prepared | Failed]] = deque()
        self._writing: deque[Future[Translated | Failed]] = deque()

    @property
    def idle(self) -> bool:
        return not self._reading and not self._writing

    def take(self, task: Task) -> None:
        self._reading.append(self.pool.submit(self._prepared, task))

    def translate(self) -> None:
        """Translate the images that came first, those of one shape together; threads encode them."""
        count = min(self.translator.batch, len(self._reading))
        nights: dict[int, Future[Translated | Failed]] = {}
        alike: dict[tuple[int, ...], dict[int, Prepared]] = {}
        for place in range(count):
            picture = self._reading.popleft().result()
            if isinstance(picture, Failed):
                nights[place] = _settled(picture)
            else:
                alike.setdefault(picture.shape, {})[place] = picture
        for pictures in alike.values():
            nights |= zip(pictures, self._nights(list(pictures.values())), strict=True)
        self._writing.extend(nights[place] for place in range(count))

    def answers(self) -> Iterator[Translated | Failed]:
        """Yield the results that are ready; wait for all of them if there is nothing else to do."""
        while self._writing and (self._writing[0].done() or not self._reading):
            yield self._writing.popleft().result()

    def _prepared(self, task: Task) -> Prepared | Failed:
        data = read(task)
        if isinstance(data, Failed):
            return data
        return outcome(lambda: self.translator.prepare(read_rgb(data)))

    def _nights(self, pictures: Sequence[Prepared]) -> list[Future[Translated | Failed]]:
        nights = outcome(lambda: self.translator.translate(pictures))
        if isinstance(nights, Failed):
            return [_settled(nights) for _ in pictures]
        return [
            self.pool.submit(self._made, night, picture)
            for night, picture in zip(nights, pictures, strict=True)
        ]

    def _made(self, night: np.ndarray, picture: Prepared) -> Translated | Failed:
        return outcome(lambda: made(self.translator.finish(night, picture), self.output))


def _settled(answer: Failed) -> Future[Translated | Failed]:
    future: Future[Translated | Failed] = Future()
    future.set_result(answer)
    return future
