"""All checks of a machine, in the order in which one thing rests on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core.params import read_params
from pipeline.doctor.dvc_project import DvcProject, check_remotes, read_dvc_project
from pipeline.doctor.findings import Check, Finding, findings_of
from pipeline.doctor.folders import (
    Folders,
    check_links,
    check_names,
    check_permission,
    check_room,
)
from pipeline.doctor.inputs import check_checkpoints, check_own_files, check_sources
from pipeline.doctor.machine_settings import (
    check_engine,
    check_hardware,
    check_language,
    check_settings,
    settings_or_defaults,
)
from pipeline.doctor.programs import check_libraries, check_python, check_torch
from pipeline.forecast.disk_need import disk_needs
from pipeline.forecast.image_counts import SetsForecast
from pipeline.runtime.errors import DusklineError


@dataclass(frozen=True)
class Places:
    """The project's root, and where it has its raw data, its sets, recognisers and translators."""

    root: Path
    raw: Path
    sets: Path
    recognisers: Path
    translators: Path


class MachineCheck:
    """The checks of the project at `places.root`, which is the working folder.

    wrong_sections: says what is wrong in parameters, a message each; the stages know.
    """

    def __init__(self, places: Places, wrong_sections: Callable[[Mapping[str, Any]], Iterable[str]]) -> None:
        self.places = places
        self.wrong_sections = wrong_sections
        self.machine = settings_or_defaults()

    @cached_property
    def params(self) -> dict[str, Any]:
        """The parameters; `DusklineError` as `read_params`."""
        return read_params(self.places.root / "params.yaml")

    @cached_property
    def dvc(self) -> DvcProject:
        """DVC's configuration; errors as `read_dvc_project`."""
        return read_dvc_project(self.places.root)

    @cached_property
    def folders(self) -> Folders:
        """Where stages write; DVC's cache where it lies by default when DVC does not tell."""
        try:
            cache = self.dvc.cache
        except Exception:  # the check of the project says why
            cache = self.places.root / ".dvc" / "cache"
        data = self.places.raw.parent
        return Folders(self.places.root, data, cache, self.machine.work, self.machine.archives)

    def findings(self) -> Iterator[Finding]:
        """Carry out all checks; those that take a while have begun when their turn comes."""
        with ThreadPoolExecutor() as pool:
            torch = pool.submit(lambda: list(check_torch(self.machine.device)))
            libraries = pool.submit(lambda: list(check_libraries()))
            yield from findings_of(self._checks(torch.result, libraries.result))

    def _checks(
        self, torch: Callable[[], Iterable[Finding]], libraries: Callable[[], Iterable[Finding]]
    ) -> Iterator[Check]:
        yield Check("python", check_python)
        yield Check("settings", check_settings)
        yield Check("processors", lambda: check_hardware(self.machine))
        yield Check("language", check_language)
        yield Check("engine", lambda: check_engine(self.machine))
        yield Check("writing", lambda: check_permission(self.folders))
        yield Check("names", lambda: check_names(self.folders))
        yield Check("project", self._look_at_project)
        if self._is_project():
            yield Check("links", lambda: check_links(self.folders, self.dvc.links))
            yield Check("remote", lambda: check_remotes(self.dvc, self.places.root))
            yield Check("source", lambda: check_sources(self.params, self.machine.archives, self.places.raw))
            yield Check("translator", lambda: check_checkpoints(self.params))
            yield Check("own files", lambda: check_own_files(self.params, self._made_by_stages()))
            yield Check("disk", self._look_at_room)
        yield Check("libraries", libraries)
        yield Check("torch", torch)
        if self._is_project():
            # Last, for it loads torch, which has been asked in a process of its own whether it can be.
            yield Check("parameters", self._look_at_parameters)

    def _is_project(self) -> bool:
        """Whether there is a project to look at; its own check says why not."""
        try:
            return bool(self.params) and bool(self.dvc)
        except Exception:
            return False

    def _look_at_parameters(self) -> Iterator[Finding]:
        wrong = list(self.wrong_sections(self.params))
        for message in wrong:
            yield Finding("parameters", "fault", message, "docs/parameters.md has every parameter")
        if not wrong:
            yield Finding("parameters", "ok", "every section is as its stage wants it")

    def _look_at_project(self) -> Iterator[Finding]:
        try:
            sections = [name for name, section in self.params.items() if section]
            _ = self.dvc
        except DusklineError as error:
            advice = (
                error.hint
                or "be in the root of a copy of duskline: git clone, then `dvc init` if .dvc is gone"
            )
            yield Finding("project", "fault", error.message, advice)
        else:
            yield Finding("project", "ok", f"params.yaml with {len(sections)} sections, DVC set up")

    def _made_by_stages(self) -> list[Path]:
        """The data folder, and that of translators where some are trained."""
        trained = [self.places.translators] if self.params.get("train_unit") else []
        return [self.places.raw.parent, *trained]

    def _look_at_room(self) -> Iterable[Finding]:
        sets = SetsForecast(self.params, self.places.sets)
        needs, unknown = disk_needs(
            self.params,
            sets,
            self.places.raw,
            self.places.recognisers,
            self.machine.archives,
            self.machine.work / "descriptors",
        )
        return check_room(self.folders, needs, unknown)
