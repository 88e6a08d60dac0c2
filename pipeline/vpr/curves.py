"""A training run's curves as DVCLive writes them, for `dvc metrics` and `dvc plots`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import DusklineError

LIVE = "live"


def write_curves(out: Path, history: Sequence[dict[str, float]]) -> None:
    """Write `out/live`: one step for each finished epoch, with its values by name.

    The whole curve is written each time, so that a run that goes on from a saved state shows all of it.
    """
    # It starts git and Studio helpers at import; only a training run pays for that.
    from dvclive import Live
    from scmrepo.exceptions import SCMError

    shutil.rmtree(out / LIVE, ignore_errors=True)
    try:
        live = Live(str(out / LIVE), save_dvc_exp=False, dvcyaml=None, report=None)
    except SCMError as error:
        raise DusklineError(
            f"DVCLive cannot write the training curves: {error}",
            hint="it wants a git repository with a commit; make one, then run the same command again",
        ) from error
    with live:
        for values in history:
            for name, value in values.items():
                live.log_metric(name, round(value, 6))
            live.next_step()
