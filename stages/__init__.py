"""One thin click command for each stage of the pipeline, and the `duskline` command group."""

# `signal` takes a while to import, and Ctrl-C in that time would give a traceback.
import _signal  # type: ignore[import-not-found]  # the type checker does not know it
import sys
from importlib.util import find_spec

# With `python -m stages.<name>` the package is imported before the module, whose name is not known yet; with
# `duskline` the script imports it. A worker of either is not a command: its parent handles signals for it.
if sys.argv[0].rpartition("/")[2] in ("-m", "duskline") and "--multiprocessing-fork" not in sys.orig_argv:
    # Until there is a message for it, Ctrl-C just ends the process; if it is ignored, it stays ignored.
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from pipeline.runtime.signals import answer_signals

    answer_signals()

# The usual cause: `dvc` was called by its path, and `python` is not duskline's. Checked here, before the
# first import that would fail.
_MISSING = [name for name in ("click", "yaml", "utm") if find_spec(name) is None]
if _MISSING:
    sys.exit(
        f"error: {sys.executable} has no module {_MISSING[0]}\n"
        "  activate duskline's environment (made by: make setup): . .venv/bin/activate"
    )
