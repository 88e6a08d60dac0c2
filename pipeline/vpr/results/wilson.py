"""The confidence interval of a share."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of `hits` of `total`, as shares in [0, 1]. Wilson, 1927.

    `ValueError` unless 0 <= hits <= total and total > 0.
    """
    if total <= 0 or not 0 <= hits <= total:
        raise ValueError(f"{hits} hits of {total} are not a valid share")
    z = NormalDist().inv_cdf((1 + 0.95) / 2)
    share = hits / total
    spread = z * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    middle, scale = share + z * z / (2 * total), 1 + z * z / total
    low, high = (middle - spread) / scale, (middle + spread) / scale
    # Rounding may move the ends slightly when no or every query hits.
    return (0.0 if hits == 0 else low), (1.0 if hits == total else high)
