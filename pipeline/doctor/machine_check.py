"""All checks of a machine, in order of dependence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.core.params import read_params
from pipeline.doctor.findings import Finding, fault, findings_of, note, ok
from pipeline.doctor.folders import Folders, check_links, check_room, check_writing
from pipeline.doctor.inputs import (
    check_models,
    check_own_files,
    check_own_folders,
    check_sources,
    check_translators,
    check_weights,
)
from pipeline.doctor.machine_settings import (
    check_engine,
    check_memory,
    check_processors,
    check_settings,
    settings_or_defaults,
)
from pipeline.doctor.programs import check_libraries, check_python, check_torch
from pipeline.doctor.remotes import check_remotes
from pipeline.forecast.disk_need import disk_needs
from pipeline.forecast.image_counts import SetsForecast
from pipeline.sharing.objects import SharedProject


def check_machine(
    raw: Path,
    sets: Path,
    models: Path,
    translators: Path,
    wrong_sections: Callable[[Mapping[str, Any]], Iterable[str]],
    learning: Callable[[Mapping[str, Any], int], Iterable[str]],
) -> Iterator[tuple[str, Finding]]:
    """Check the project in the working folder and this machine; yield subjects and findings.

    raw, sets, models, translators: folders in the project. wrong_sections: yields errors in the parameters;
    learning: yields what training needs of a GPU, given the number of cores that read images.
    """
    machine, cache, repo = settings_or_defaults(), Path(".dvc") / "cache", None
    try:
        params, repo = read_params(), SharedProject(Path()).repo
    except Exception as error:  # it must not hide the results of other checks
        message, _, hint = str(error).partition("\n")
        advice = hint.strip() or "run it in a checkout of duskline, with a .dvc/config that DVC can read"
        project = fault(message, advice)
    else:
        cache = Path(repo.cache.local.path)
        project = ok(f"params.yaml with {sum(map(bool, params.values()))} sections, DVC set up")
    folders = Folders(Path(), raw.parent, cache, machine.work, machine.archives)
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("python", check_python),
        ("settings", check_settings),
        ("processors", lambda: check_processors(machine)),
        ("memory", check_memory),
        ("engine", lambda: check_engine(machine)),
        ("writing", lambda: check_writing(folders)),
        ("project", lambda: [project]),
    ]
    if repo is not None:
        made = [raw.parent, *([translators] if params.get("train_unit") else [])]
        forecast = SetsForecast(params, sets)
        checks += [
            ("links", lambda: check_links(folders, repo.config["cache"].get("type") or ())),
            ("remote", lambda: check_remotes(repo.config)),
            ("source", lambda: check_sources(params, machine.archives, raw)),
            ("translator", lambda: check_translators(params)),
            ("weights", lambda: check_weights(params)),
            ("models", lambda: check_models(params, models)),
            ("own files", lambda: check_own_files(params, made)),
            ("own folders", lambda: check_own_folders(params, made, repo)),
            (
                "disk",
                lambda: check_room(folders, disk_needs(params, forecast, raw, models, machine)),
            ),
        ]
    with ThreadPoolExecutor() as pool:
        # They take a while, so they start early.
        torch = pool.submit(lambda: list(check_torch(machine.device)))
        libraries = pool.submit(lambda: list(check_libraries()))
        checks += [("libraries", libraries.result), ("torch", torch.result)]
        if repo is not None:
            # Last, because it loads torch; a separate process has checked before whether that works.
            checks.append(("parameters", lambda: _check_parameters(wrong_sections(params))))
            checks.append(("learning", lambda: map(note, learning(params, machine.workers))))
        yield from findings_of(checks)


def _check_parameters(wrong: Iterable[str]) -> Iterator[Finding]:
    found = [fault(message, "docs/parameters.md lists every parameter") for message in wrong]
    yield from found or [ok("every section is valid")]
