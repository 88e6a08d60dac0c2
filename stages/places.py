"""Where the stages read and write, relative to the project root, as in dvc.yaml."""

from __future__ import annotations

from pathlib import Path

RAW = Path("data/raw")
SETS = Path("data/sets")
IMAGE_LISTS = Path("data/image_lists")
UNIT_MODELS = Path("models/unit")
UNIT_CURVES = Path("reports/train_unit")
RECOGNISERS = Path("models/vpr")
RECOGNISER_CURVES = Path("reports/train")
EXPERIMENTS = Path("models/experiments")
RESULTS = Path("results")
SHEETS = Path("reports/sheets")
STATISTICS = Path("reports/statistics")
COMPARISONS = Path("reports/compare")
AUGMENTATIONS = Path("reports/augmentations")
TABLES = Path("reports/tables")
REPORT = Path("reports/index.html")
SHIPPED = Path("unit/weights/city.pt")
PINNED = Path("profiles/pinned.csv")
