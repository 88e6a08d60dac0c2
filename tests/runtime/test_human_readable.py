from __future__ import annotations

import pytest

from pipeline.runtime.human_readable import duration, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (2 * 86400 + 4 * 3600, "2 d 4 h"),
    ],
)
def test_times(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 kB"),
        (1, "1 kB"),
        (1_000, "1 kB"),
        (640_000_000, "640 MB"),
        (12_340_000_000, "12.3 GB"),
        (123_400_000_000, "123 GB"),
        (2_000_000_000_000, "2.0 TB"),
    ],
)
def test_amounts_of_bytes(count: int, words: str) -> None:
    assert size(count) == words
