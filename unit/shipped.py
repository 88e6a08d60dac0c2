"""The weights that come with the package, wherever it is installed."""

from __future__ import annotations

from pathlib import Path

# Of the embedded city: dim 16, for `shorter_side: 96`, `stretch: none` and `detail: source`.
CITY = Path(__file__).parent / "weights" / "city.pt"
