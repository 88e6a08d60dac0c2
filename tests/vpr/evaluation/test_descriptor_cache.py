from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.evaluation.descriptor_cache import DescriptorCache

# One entry: 1,000 rows of 16 numbers and 128 bytes of header.
COUNT, BYTES = 1000, 1000 * 16 * 4 + 128


def rows(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=(COUNT, 16)).astype(np.float32)


def making(number: int, made: list[int]) -> Callable[[], Iterator[np.ndarray]]:
    def describe() -> Iterator[np.ndarray]:
        made.append(number)
        yield rows(number)[:300]
        yield rows(number)[300:]

    return describe


def use(store: DescriptorCache, number: int, made: list[int]) -> None:
    with store.opened({"number": number}, COUNT, making(number, made)) as found:
        assert np.array_equal(found, rows(number))


def names(root: Path) -> list[str]:
    return sorted(path.suffix for path in root.iterdir())


def test_descriptors_are_made_once(tmp_path: Path) -> None:
    made: list[int] = []
    for number in (1, 2, 1, 2, 1):
        use(DescriptorCache(tmp_path / "store"), number, made)
    assert made == [1, 2]
    assert names(tmp_path / "store") == [".lock", ".lock", ".npy", ".npy"]


def test_what_another_run_trims_at_the_same_moment_is_no_error(tmp_path: Path) -> None:
    # Listed, and gone when it is looked at.
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nothing")
    made: list[int] = []
    use(DescriptorCache(tmp_path), 1, made)
    assert made == [1]


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    made: list[int] = []
    store = DescriptorCache(tmp_path, 2 * BYTES)
    for number in (1, 2, 1, 3):
        use(store, number, made)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) == 2 * BYTES
    use(store, 1, made)
    assert made == [1, 2, 3]
    use(store, 2, made)
    assert made == [1, 2, 3, 2]


def test_more_than_the_limit_is_used_but_not_kept(tmp_path: Path) -> None:
    made: list[int] = []
    store = DescriptorCache(tmp_path, BYTES - 1)
    for _ in range(2):
        use(store, 1, made)
    assert made == [1, 1]
    assert names(tmp_path) == [".lock"]


def test_what_another_run_uses_stays(tmp_path: Path) -> None:
    made: list[int] = []
    store = DescriptorCache(tmp_path, BYTES)
    with store.opened({"number": 1}, COUNT, making(1, made)):
        use(store, 2, made)
        use(store, 1, made)
    assert made == [1, 2]


def test_a_second_run_waits_for_the_first_instead_of_describing_too(tmp_path: Path) -> None:
    made: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[np.ndarray]:
        begun.set()
        assert go_on.wait(20)
        yield from making(1, made)()

    def first() -> None:
        with DescriptorCache(tmp_path).opened({"number": 1}, COUNT, slowly):
            pass

    one = threading.Thread(target=first)
    one.start()
    assert begun.wait(20)
    two = threading.Thread(target=use, args=(DescriptorCache(tmp_path), 1, made))
    two.start()
    two.join(0.2)
    assert two.is_alive()
    go_on.set()
    for thread in (one, two):
        thread.join(20)
    assert made == [1]


@pytest.mark.parametrize("size", [0, 60, BYTES - 1])
def test_a_damaged_file_is_made_again(tmp_path: Path, size: int) -> None:
    made: list[int] = []
    use(DescriptorCache(tmp_path), 1, made)
    file = next(tmp_path.glob("*.npy"))
    os.truncate(file, size)
    use(DescriptorCache(tmp_path), 1, made)
    assert made == [1, 1]


def test_what_a_killed_run_was_writing_is_cleared_away(tmp_path: Path) -> None:
    store = DescriptorCache(tmp_path)
    pid = os.fork()
    if not pid:

        def dying() -> Iterator[np.ndarray]:
            yield rows(1)[:300]
            os._exit(1)

        try:
            with store.opened({"number": 1}, COUNT, dying):
                pass
        finally:
            os._exit(2)
    os.waitpid(pid, 0)
    assert names(tmp_path) == [".lock", ".part"]
    use(store, 2, [])
    assert names(tmp_path) == [".lock", ".lock", ".npy"]


def test_an_error_of_the_making_keeps_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield rows(1)[:300]
        raise DusklineError("an image is broken")

    store = DescriptorCache(tmp_path)
    with (
        pytest.raises(DusklineError, match="an image is broken"),
        store.opened({"number": 1}, COUNT, broken),
    ):
        pass
    assert names(tmp_path) == [".lock"]
    use(store, 1, [])
