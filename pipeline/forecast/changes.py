"""Which stages DVC would run, and why: its own decisions, with those that depend on them."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.runtime.errors import DusklineError, ParameterError, UserError
from pipeline.sharing.objects import SharedProject

# Named in a reason before the others are counted.
_SHOWN = 3
_OPTION = re.compile(r"--(\S+)(?: ((?!--)\S+))?")

# runs: something of its own changed. cached: as well, but DVC has the outputs of an earlier run with the same
# inputs. follows: it runs if a stage before it gives other outputs than now.
Certainty = Literal["runs", "cached", "follows"]


@dataclass(frozen=True)
class Change:
    """A stage that would run: its name, whether it surely does, and the reasons in words."""

    stage: str
    certainty: Certainty
    reasons: tuple[str, ...]


def pending_changes(targets: Sequence[str] = ()) -> list[Change]:
    """What `dvc repro` would run in the working folder, a project's root: each after those it reads from.

    targets: as for `dvc repro`: stages, or groups of them by name, with all that they depend on; without any,
    all stages. Contents are compared, nothing is run, and nothing is written but DVC's notes on what it read.
    Raises `MissingInputError` where there is no project, `ParameterError` when its files contradict each
    other or a target is no stage of it, and `UserError` while another DVC command holds the project.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    try:
        repo = SharedProject(Path()).repo
        with _without_announcements(), repo.lock:
            return _changes(repo, targets)
    except LockError as error:
        raise UserError(
            f"another DVC command is at work in this project: {_first_lines(error, 2)}",
            hint="wait until it has ended, then run the same command again",
        ) from error
    except DvcException as error:
        raise ParameterError(
            f"DVC cannot tell what there is to do: {_first_lines(error, 1)}",
            hint="dvc.yaml, params.yaml and dvc.lock must fit together: `dvc status` says more",
        ) from error


@contextlib.contextmanager
def _without_announcements() -> Iterator[None]:
    """Have DVC not announce what it would do; its warnings are heard."""
    log = logging.getLogger("dvc")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def _first_lines(error: Exception, count: int) -> str:
    """DVC's message as far as it says what is the matter: who holds the project stands on the second line."""
    return " ".join((str(error).split("\n") or [type(error).__name__])[:count]).strip()


def _changes(repo: Any, targets: Sequence[str]) -> list[Change]:
    graph = repo.index.graph
    stages = _in_order(graph, _wanted(repo, targets))
    status = {stage: stage.status(check_updates=True).get(stage.addressing, []) for stage in stages}
    commands = _recorded_commands(Path(repo.root_dir) / "dvc.lock")
    # What a stage would read from once it runs, by the names of these.
    pending: dict[Any, Change] = {}
    for stage in stages:
        before = [read for read in graph.successors(stage) if read in pending]
        if not status[stage] and not before:
            continue
        names = sorted(pending[read].stage for read in before)
        reasons = _reasons(stage, status[stage], commands.get(_name(stage)), before)
        if reasons:
            cached = not before and _is_cached(stage)
            pending[stage] = Change(_name(stage), "cached" if cached else "runs", reasons)
        elif status[stage] and any(pending[read].certainty == "runs" for read in before):
            verb = "runs" if len(names) == 1 else "run"
            pending[stage] = Change(_name(stage), "runs", (f"{_named(names)} {verb} before it",))
        else:
            verb = "gives" if len(names) == 1 else "give"
            pending[stage] = Change(
                _name(stage), "follows", (f"only if {_named(names)} {verb} another output",)
            )
    return list(pending.values())


def _name(stage: Any) -> str:
    return str(stage.name or stage.addressing)


def _wanted(repo: Any, targets: Sequence[str]) -> set[Any]:
    from dvc.stage.exceptions import StageFileDoesNotExistError, StageNotFound

    if not targets:
        return set(repo.index.graph)
    wanted: set[Any] = set()
    for target in targets:
        try:
            wanted |= set(repo.stage.collect(target, with_deps=True))
        except (StageFileDoesNotExistError, StageNotFound) as error:
            known = sorted({_name(stage).partition("@")[0] for stage in repo.index.graph})
            raise ParameterError(
                f"{target} is no stage of this project",
                hint=f"stages are {', '.join(known)}, alone or with @ and a name of params.yaml",
            ) from error
    return wanted


def _in_order(graph: Any, wanted: set[Any]) -> list[Any]:
    """Each stage after those that it reads from; else in the order of dvc.yaml and params.yaml."""
    from networkx import dfs_postorder_nodes

    done: dict[Any, None] = {}
    for stage in graph:
        if stage in wanted and stage not in done:
            done |= dict.fromkeys(found for found in dfs_postorder_nodes(graph, stage) if found in wanted)
    return list(done)


def _is_cached(stage: Any) -> bool:
    """Whether DVC would take the outputs from an earlier run; `stage` is not to be used after it."""
    from dvc.exceptions import DvcException
    from dvc_data.hashfile.hash_info import HashInfo

    with contextlib.suppress(DvcException, OSError):  # what it reads is not there, or was never run with
        if stage.changed_stage() or not stage.deps_cached():
            # As before a run, so that it is looked for by what it reads now, and not by its last run.
            stage.save_deps()
            for out in stage.outs:
                out.hash_info = HashInfo()
        stage.repo.stage_cache.restore(stage, dry=True)
        return True
    return False


def _reasons(
    stage: Any, status: Sequence[Any], recorded: str | None, before: Sequence[Any]
) -> tuple[str, ...]:
    """What DVC's status of a stage says, in words, without what the stages `before` it will make again."""
    if status and not any(out.hash_info for out in stage.outs):
        return ("never ran",)
    reasons = []
    made_before = {out.def_path for read in before for out in read.outs}
    for entry in status:
        if entry == "changed command":
            reasons.append(_command_reason(recorded, stage.cmd))
        elif entry == "always changed":
            reasons.append("always runs")
        elif isinstance(entry, Mapping):
            deps, outs = entry.get("changed deps", {}), entry.get("changed outs", {})
            own = {dep: how for dep, how in deps.items() if not _is_below(dep, made_before)}
            reasons += _dep_reasons(own)
            reasons += _out_reasons(outs)
    return tuple(reasons)


def _is_below(path: str, outs: set[str]) -> bool:
    return any(
        path == out or Path(path).is_relative_to(out) or Path(out).is_relative_to(path) for out in outs
    )


def _dep_reasons(deps: Mapping[str, Any]) -> list[str]:
    reasons, code, files = [], [], []
    for dep, how in deps.items():
        if isinstance(how, Mapping):
            reasons.append(f"{_named(list(how))} in {dep} changed")
        elif how == "deleted":
            reasons.append(f"{dep} is not there")
        elif dep.endswith(".py"):
            code.append(dep)
        else:
            files.append(dep)
    if files:
        reasons.append(f"{_named(files)} changed")
    if code:
        reasons.append(f"code changed: {_named(code)}")
    return reasons


def _out_reasons(outs: Mapping[str, str]) -> list[str]:
    gone = [out for out, how in outs.items() if how == "deleted"]
    uncached = [out for out, how in outs.items() if how == "not in cache"]
    changed = [out for out in outs if out not in (*gone, *uncached)]
    words = ((gone, "its output {} is not there"), (uncached, "its output {} is not in DVC's cache"))
    reasons = [text.format(_named(which)) for which, text in words if which]
    if changed:
        reasons.append(f"its output {_named(changed)} was changed by hand")
    return reasons


def _command_reason(recorded: str | None, now: str) -> str:
    """The options that differ between the command of the last run and that of the next."""
    was, will = dict(_OPTION.findall(recorded or "")), dict(_OPTION.findall(now))
    differ = [
        f"{name} {was.get(name, 'not set')} -> {will.get(name, 'not set')}"
        for name in dict.fromkeys([*was, *will])
        if was.get(name) != will.get(name)
    ]
    return f"parameters changed: {_named(differ)}" if recorded and differ else "its command changed"


def _recorded_commands(lock: Path) -> dict[str, str]:
    try:
        stages = yaml.load(lock.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["stages"]
        return {str(name): str(entry.get("cmd", "")) for name, entry in stages.items()}
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise DusklineError(
            f"{lock.name} cannot be read: {_first_lines(error, 1)}",
            hint=f"take it from git again (`git checkout {lock.name}`), or remove it and run everything anew",
        ) from error


def _named(things: Sequence[str]) -> str:
    shown = ", ".join(things[:_SHOWN])
    return f"{shown} and {len(things) - _SHOWN} more" if len(things) > _SHOWN else shown
