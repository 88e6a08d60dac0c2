"""The results as JSON and as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.night_gain.gains import Bootstrap, Interval, hits_of, standpoints
from benchmarks.night_gain.pictures import Likeness
from pipeline.core.files import write_json
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.results.metrics import read_metrics

DAY, LIGHTS, LITERAL, CLASSICAL = "day", "lights", "literal", "classical"
OURS, ORACLE = "ours", "oracle"
_AT = (1, 5)


@dataclass(frozen=True)
class Measured:
    """The results of all models on the test sets: folders `<arm>-<seed>/<test>` below `results`."""

    results: Path
    tests: Mapping[str, ImageSet]
    arms: tuple[str, ...]
    seeds: tuple[int, ...]

    def write_list(self, path: Path) -> None:
        """Write one entry for each model and test set, with recalls in per cent."""
        entries = []
        for arm in self.arms:
            for seed in self.seeds:
                for test in self.tests:
                    found = read_metrics(self._result(arm, seed, test))
                    entries.append(
                        {
                            "seed": seed,
                            "trained_on": arm,
                            "aggregation": "netvlad",
                            "test": test,
                            "queries": found.queries,
                            "recall_at_1": round(found.recalls[1].percent, 2),
                            "recall_at_5": round(found.recalls[5].percent, 2),
                        }
                    )
        write_json(path, entries)

    def recalls(self) -> str:
        """Mean recalls with their intervals, and recall@1 of each seed, as a Markdown table."""
        lines = ["| trained on | test | R@1, % | R@5, % | R@1 of each seed |", "|---|---|---|---|---|"]
        for arm in self.arms:
            for test in self.tests:
                once, five = ([self._hits(arm, seed, test, at) for seed in self.seeds] for at in _AT)
                bootstrap = self._bootstrap(test)
                each = ", ".join(f"{100 * hits.mean():.1f}" for hits in once)
                lines.append(
                    f"| {arm} | {test} | {bootstrap.recall(once)} | {bootstrap.recall(five)} | {each} |"
                )
        return "\n".join(lines)

    def gain(self, test: str, arm: str, over: str) -> Interval:
        """The difference in recall@1 of two arms on a test, in points."""
        hits = ([self._hits(name, seed, test, 1) for seed in self.seeds] for name in (arm, over))
        return self._bootstrap(test).gain(*hits)

    def gains(self) -> str:
        """The gains as a Markdown table: differences in recall@1 with their intervals."""
        of = {
            test: {arm: [self._hits(arm, seed, test, 1) for seed in self.seeds] for arm in self.arms}
            for test in self.tests
        }
        night, day = of["night"], of["day"]
        at_night, by_day = self._bootstrap("night"), self._bootstrap("day")
        rows = {
            "by night: ours minus day only, points": at_night.gain(night[OURS], night[DAY]),
            "by night: ours minus classical, points": at_night.gain(night[OURS], night[CLASSICAL]),
            "by night: ours minus lights, points": at_night.gain(night[OURS], night[LIGHTS]),
            "by night: lights minus day only, points": at_night.gain(night[LIGHTS], night[DAY]),
            "by night: literal minus day only, points": at_night.gain(night[LITERAL], night[DAY]),
            "by night: classical minus day only, points": at_night.gain(night[CLASSICAL], night[DAY]),
            "by night: oracle minus day only, points": at_night.gain(night[ORACLE], night[DAY]),
            "by night: ours, share of the oracle's gain, %": at_night.way(night, DAY, OURS, ORACLE),
            "by day: ours minus day only, points": by_day.gain(day[OURS], day[DAY]),
            "by day: oracle minus day only, points": by_day.gain(day[ORACLE], day[DAY]),
        }
        lines = ["| difference in recall@1 | mean (95 % interval) |", "|---|---|"]
        return "\n".join([*lines, *(f"| {what} | {interval} |" for what, interval in rows.items())])

    def _result(self, arm: str, seed: int, test: str) -> Path:
        return self.results / f"{arm}-{seed}" / test

    def _hits(self, arm: str, seed: int, test: str, at: int) -> np.ndarray:
        return hits_of(self._result(arm, seed, test), self.tests[test], at)

    def _bootstrap(self, test: str) -> Bootstrap:
        return Bootstrap(standpoints(self.tests[test]), len(self.seeds))


def likeness_table(rows: Mapping[str, Likeness]) -> str:
    """The comparison of each translator's nights with the ground truth, as a Markdown table."""
    lines = [
        "| nights | PSNR, dB | SSIM | lit pixels, % | lights: precision | recall | F1"
        " | visible day edges, % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row.psnr:.2f} | {row.ssim:.3f} | {row.lit:.2f} | {row.precision:.2f} | {row.recall:.2f}"
        f" | {row.f1:.2f} | {row.edges:.0f} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)
