"""A training run's curves as DVCLive writes them, for `dvc metrics` and `dvc plots`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pipeline.runtime.errors import DusklineError


def write_curves(folder: Path, rows: Mapping[int, Mapping[str, float]], **of_run: float) -> None:
    """Write `folder`: values by name for each step, and single values `of_run`.

    The whole curve is written each time, so that a run that resumes from a saved state shows all of it.
    """
    # It starts git and Studio helpers at import; only a training run pays for that.
    from dvclive.live import Live
    from scmrepo.exceptions import SCMError

    shutil.rmtree(folder, ignore_errors=True)
    try:
        live = Live(str(folder), save_dvc_exp=False, dvcyaml=None, report=None)
    except SCMError as error:
        raise DusklineError(
            f"DVCLive cannot write the training curves: {error}",
            hint="make a git repository with a commit, then run the same command again",
        ) from error
    with live:
        for step, values in rows.items():
            live.step = step
            for name, value in values.items():
                live.log_metric(name, round(value, 6))
        for name, value in of_run.items():
            live.log_metric(name, round(value, 6), plot=False)
