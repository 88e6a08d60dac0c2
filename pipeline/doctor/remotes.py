"""Whether DVC's remotes answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.doctor.findings import Finding, NoAnswerError, ask_process, fault, note, ok, warning
from pipeline.sharing.objects import HOW_TO_REACH

# Seconds that a remote has to answer; starting DVC takes a large part.
_ANSWERING = 20.0
# The first push makes the folder, but not a bucket or a disk.
_ASK = """
import os, sys
from dvc.repo import Repo
remote = Repo().cloud.get_remote(sys.argv[1])
above = os.path.dirname(remote.path) if remote.fs.protocol == "local" else remote.path.partition("/")[0]
try:
    print("answers" if remote.fs.ls(remote.path, detail=False) else "answers; nothing is pushed yet")
except FileNotFoundError:
    remote.fs.ls(above, detail=False)
    if remote.fs.protocol == "local" and not os.access(above, os.W_OK):
        raise PermissionError(f"{above} cannot be written to")
    print("answers; nothing is pushed yet")
"""


def check_remotes(config: Mapping[str, Any], seconds: float = _ANSWERING) -> Iterator[Finding]:
    """Whether each remote of DVC's configuration works; tested in a separate process, which may hang."""
    remotes, default = config["remote"], config["core"].get("remote")
    if not remotes:
        yield note("no remote is configured; `duskline share URL` sets one up for others to pull from")
    for name, remote in remotes.items():
        which = f"{name}{' (default)' if name == default else ''}: {remote.get('url', '')}"
        try:
            yield ok(f"{which} {ask_process('-c', _ASK, name, seconds=seconds)}")
        except NoAnswerError as error:
            yield fault(f"{which} cannot be used: {error}", HOW_TO_REACH)
    if remotes and not default:
        yield warning("no remote is the default", "dvc remote default NAME, for `dvc push` and `dvc pull`")
