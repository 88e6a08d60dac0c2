"""A row of lots is the same in every version of Python."""

from __future__ import annotations

import hashlib

import numpy as np

from pipeline.city.layout.lots import fill_row


def test_a_row_is_divided_alike_in_all_of_them() -> None:
    # With Python's `sum`, which rounds otherwise from 3.12 on, they have other corners there.
    digest = hashlib.sha256()
    for seed in range(50):
        line = np.array([[0.0, 0.0], [60 + 0.37 * seed, 1.0]])
        for building in fill_row(seed, 1, line, np.array([0.0, 12.0])):
            digest.update(building.corners.tobytes())
    assert digest.hexdigest() == "1bcb9ef922877d6f8141ee04bb24172406a0087a4d684bcc3da8cf70793209ef"
