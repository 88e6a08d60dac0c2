"""The path of the weights that are installed with the package."""

from __future__ import annotations

from pathlib import Path

# Trained on the embedded city: dim 16, for `shorter_side: 96`, `stretch: none` and `detail: source`.
CITY = Path(__file__).parent / "weights" / "city.pt"
