"""One thin click command per stage of the pipeline, and the `duskline` group."""

import sys
from importlib.util import find_spec

# The usual cause: `dvc` was called by its path, and `python` is another one than duskline's.
# Said here, before the first import that would fail.
_MISSING = [name for name in ("click", "yaml", "utm") if find_spec(name) is None]
if _MISSING:
    sys.exit(
        f"error: {sys.executable} has no module {_MISSING[0]}\n"
        "  activate duskline's environment (made by: make setup): . .venv/bin/activate"
    )
