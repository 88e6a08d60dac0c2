"""DVC's side: the project, its cache, and whether its remotes answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.doctor.findings import Finding, ask_process
from pipeline.runtime.errors import DusklineError

# Seconds that a remote has to answer; a large part goes into the start of DVC.
_ANSWERING = 20.0
_CREDENTIALS = (
    "give credentials that may: in the environment (of S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
    " or AWS_PROFILE), or with `dvc remote modify --local`"
)
_ADDRESS = (
    "is its address right (`dvc remote list`), is the network or disk there? `duskline share URL` sets one up"
)


@dataclass(frozen=True)
class DvcProject:
    """What DVC's configuration says: its cache's folder and wished links, and the remotes by name."""

    cache: Path
    links: tuple[str, ...]
    remotes: Mapping[str, str]
    default: str


def read_dvc_project(root: Path) -> DvcProject:
    """Read it; `MissingInputError` where there is no project, `DusklineError` where it cannot be read."""
    from dvc.exceptions import DvcException

    from pipeline.sharing.objects import SharedProject

    try:
        repo = SharedProject(root).repo
        config = repo.config
    except DvcException as error:
        raise DusklineError(
            f"DVC's configuration cannot be read: {error}",
            hint="mend .dvc/config and .dvc/config.local, or take the first from git again",
        ) from error
    return DvcProject(
        cache=Path(repo.cache.local.path),
        links=tuple(config["cache"].get("type") or ()),
        remotes={name: str(remote.get("url", "")) for name, remote in config["remote"].items()},
        default=str(config["core"].get("remote") or ""),
    )


def check_remotes(project: DvcProject, root: Path, seconds: float = _ANSWERING) -> Iterator[Finding]:
    """Whether each remote can be reached and used, by asking it."""
    if not project.remotes:
        yield Finding(
            "remote", "note", "none is configured; `duskline share URL` sets one up for others to pull from"
        )
        return
    for name, url in project.remotes.items():
        answer = ask_process(["-m", "pipeline.doctor.reach_remote", str(root), name], seconds)
        which = f"{name}{' (default)' if name == project.default else ''}: {url}"
        if answer.reason:
            yield Finding("remote", "fault", f"{which} cannot be reached: {answer.reason}", _ADDRESS)
        else:
            yield _judged(which, json.loads(answer.text))
    if not project.default:
        yield Finding(
            "remote",
            "warning",
            "none of them is the default one",
            "dvc remote default NAME, for `dvc push` and `dvc pull`",
        )


def _judged(which: str, said: Mapping[str, Any]) -> Finding:
    if said["state"] == "there":
        return Finding("remote", "ok", f"{which} answers")
    if said["state"] == "empty":
        return Finding("remote", "ok", f"{which} answers; nothing was pushed to it yet")
    if said["state"] == "refused":
        return Finding("remote", "fault", f"{which} refuses us: {said['error']}", _CREDENTIALS)
    return Finding("remote", "fault", f"{which} cannot be reached: {said['error']}", _ADDRESS)
