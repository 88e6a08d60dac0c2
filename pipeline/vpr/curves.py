"""A training run's curves as DVCLive writes them, for `dvc metrics` and `dvc plots`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

LIVE = "live"


def write_curves(out: Path, history: Sequence[dict[str, float]]) -> None:
    """Write `out/live`: one step for each finished epoch, with its values by name.

    The whole curve is written each time, so that a run that goes on from a saved state shows all of it.
    """
    # It starts git and Studio helpers at import; only a training run pays for that.
    from dvclive import Live

    shutil.rmtree(out / LIVE, ignore_errors=True)
    with Live(str(out / LIVE), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for values in history:
            for name, value in values.items():
                live.log_metric(name, round(value, 6))
            live.next_step()
