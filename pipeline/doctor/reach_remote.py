"""`python -m pipeline.doctor.reach_remote ROOT NAME`: ask a DVC remote whether it is there; prints JSON.

A process of its own, for a remote that does not answer holds up whoever asks it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

_REFUSALS = (
    "credentials",
    "forbidden",
    "access denied",
    "403",
    "invalidaccesskeyid",
    "signaturedoesnotmatch",
)


def reach(root: Path, name: str) -> dict[str, str]:
    """Say how the remote stands: "there", "empty", "refused" or "unreachable", and the error in a line."""
    from pipeline.runtime.errors import DusklineError

    try:
        return {"state": _state(root, name), "error": ""}
    except DusklineError as error:  # DVC cannot even set it up: a library is missing, or a setting is wrong
        return {"state": "unreachable", "error": error.message}
    except Exception as error:  # each kind of remote has a family of errors of its own
        words = " ".join(_messages(error))
        refused = isinstance(error, PermissionError) or any(part in words.lower() for part in _REFUSALS)
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        return {"state": "refused" if refused else "unreachable", "error": f"{type(error).__name__}: {first}"}


def _messages(error: BaseException | None) -> list[str]:
    """What the error and those behind it say."""
    found = []
    while error is not None:
        found.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return found


def _state(root: Path, name: str) -> str:
    from pipeline.sharing.objects import SharedProject

    project = SharedProject(root)
    project.remote(name)
    remote = project.repo.cloud.get_remote(name)
    with contextlib.suppress(FileNotFoundError):
        return "there" if remote.fs.ls(remote.path, detail=False) else "empty"
    return _without_folder(remote)


def _without_folder(remote: Any) -> str:
    """The first push makes the folder, but neither a bucket nor the disk that it would lie on."""
    if remote.fs.protocol == "local":
        above = Path(remote.path).parent
        if not above.is_dir():
            raise FileNotFoundError(f"neither {remote.path} nor {above} is there")
        if not os.access(above, os.W_OK):
            raise PermissionError(f"{above} cannot be written to")
        return "empty"
    remote.fs.ls(remote.path.partition("/")[0], detail=False)
    return "empty"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(reach(Path(sys.argv[1]), sys.argv[2])))
