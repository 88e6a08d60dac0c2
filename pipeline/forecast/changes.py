"""Which stages DVC would run, and why: DVC's own decisions, and the stages that depend on them."""

from __future__ import annotations

import contextlib
import logging
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.forecast.hindrances import hindrances, in_words
from pipeline.runtime.errors import ParameterError
from pipeline.sharing.objects import SharedProject

# Names shown in a reason; the others are counted.
_SHOWN = 3
_OPTION = re.compile(r"--(\S+)(?: ((?!--)\S+))?")

# runs: something of its own changed. cached: the same, but DVC has the outputs of an earlier run with the
# same inputs. follows: it runs if the outputs of a stage before it change. stuck: DVC stops at its inputs.
Certainty = Literal["runs", "cached", "follows", "stuck"]


@dataclass(frozen=True)
class Change:
    """A stage that would run, or is stuck: its name, how certain that is, and the reasons in words."""

    stage: str
    certainty: Certainty
    reasons: tuple[str, ...]


def pending_changes(targets: Sequence[str] = ()) -> list[Change]:
    """What `dvc repro` would run in the working folder, a project's root, in order of dependence.

    targets: as for `dvc repro`; without any, all stages.
    Raises `MissingInputError` if there is no project, and `ParameterError` if its files contradict each
    other, a target is not one of its stages, or another DVC command has locked it.
    """
    from dvc.exceptions import DvcException

    # DVC would log what it takes from its cache.
    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        repo = SharedProject(Path()).repo
        with repo.lock:
            return _changes(repo, targets)
    except DvcException as error:
        raise ParameterError(
            f"DVC cannot tell what would run: {error}",
            hint="check that dvc.yaml, params.yaml and dvc.lock match, and that each target is a stage of"
            " dvc.yaml, alone or with @ and a name in params.yaml",
        ) from error


def last_runs() -> dict[str, Any]:
    """What dvc.lock, which DVC has checked, says about each stage: its command, and bytes of its outputs."""
    lock = Path("dvc.lock")
    return dict(yaml.load(lock.read_bytes(), Loader=yaml.CSafeLoader)["stages"]) if lock.exists() else {}


def _changes(repo: Any, targets: Sequence[str]) -> list[Change]:
    from networkx import dfs_postorder_nodes

    graph = repo.index.graph
    wanted = {stage for target in targets for stage in repo.stage.collect(target, with_deps=True)}
    stages = [stage for stage in dfs_postorder_nodes(graph) if stage in wanted or not targets]
    made = {str(out.fs_path) for stage in repo.index.stages for out in stage.outs}
    stuck = {stage: why for stage in stages if (why := _in_the_way(stage, made))}
    status = {stage: stage.status().get(stage.addressing, []) for stage in stages if stage not in stuck}
    recorded = last_runs()
    pending: dict[Any, Change] = {}
    for stage in stages:
        before = [read for read in graph.successors(stage) if read in pending]
        if stage in stuck:
            pending[stage] = Change(str(stage.addressing), "stuck", (stuck[stage],))
            continue
        if not status[stage] and not before:
            continue
        made_before = {out.def_path for read in before for out in read.outs}
        command = recorded.get(stage.addressing, {}).get("cmd", "")
        reasons = _reasons(stage, status[stage], command, made_before)
        certainty: Certainty = "runs"
        if not reasons:
            certainty = "follows"
            names = _named(sorted(pending[read].stage for read in before))
            reasons = (f"only if the output of {names} changes",)
        elif not before and _is_cached(stage):
            certainty = "cached"
        pending[stage] = Change(str(stage.addressing), certainty, reasons)
    return list(pending.values())


def _in_the_way(stage: Any, made: set[str]) -> str:
    """What stops DVC in a folder that a stage reads and no stage makes; "" if nothing does."""
    for dep in stage.deps:
        folder = Path(str(dep.fs_path))
        if dep.protocol != "local" or not folder.is_dir() or {str(folder), *map(str, folder.parents)} & made:
            continue
        if found := hindrances(folder, stage.repo):
            return f"DVC cannot read {dep.def_path}: {in_words(found)}"
    return ""


def _is_cached(stage: Any) -> bool:
    """Whether DVC would take the outputs from an earlier run; `stage` cannot be used afterwards."""
    from dvc.exceptions import DvcException
    from dvc_data.hashfile.hash_info import HashInfo

    with contextlib.suppress(DvcException, OSError):  # an input is missing, or there was no run with it
        if stage.changed_stage() or not stage.deps_cached():
            # As before a run, so that DVC searches by the current inputs, not by those of the last run.
            stage.save_deps()
            for out in stage.outs:
                out.hash_info = HashInfo()
        stage.repo.stage_cache.restore(stage, dry=True)
        return True
    return False


def _reasons(
    stage: Any, status: Sequence[Any], command: str, made_before: Collection[str]
) -> tuple[str, ...]:
    """DVC's status of a stage, in its words, without inputs that are in `made_before`."""
    if not any(out.hash_info for out in stage.outs):
        return ("never ran",)
    found: dict[str, list[str]] = defaultdict(list)
    for entry in status:
        if not isinstance(entry, Mapping):
            found[entry] += _options_changed(command, stage.cmd) if entry == "changed command" else []
            continue
        for path, how in entry.get("changed deps", {}).items():
            if any(Path(path).is_relative_to(out) or Path(out).is_relative_to(path) for out in made_before):
                continue
            if isinstance(how, Mapping):
                found[f"changed in {path}"] += how
            else:
                found[how].append(path)
        for path, how in entry.get("changed outs", {}).items():
            found[f"output {how}"].append(path)
    return tuple(f"{what}: {_named(names)}" if names else what for what, names in found.items())


def _options_changed(before: str, now: str) -> list[str]:
    """The options that differ between two command lines."""
    was, will = dict(_OPTION.findall(before)), dict(_OPTION.findall(now))
    return [
        f"{name} {was.get(name, 'not set')} -> {will.get(name, 'not set')}"
        for name in dict.fromkeys([*was, *will])
        if was.get(name) != will.get(name)
    ]


def _named(things: Sequence[str]) -> str:
    shown = ", ".join(things[:_SHOWN])
    return f"{shown} and {len(things) - _SHOWN} more" if len(things) > _SHOWN else shown
