"""Runs that end in the middle: nothing half-done is taken for done, and no orphan works on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from tests.end_to_end.project import Project

pytestmark = pytest.mark.slow

PATIENCE = 60.0


def wait_for(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for {what}"
        time.sleep(0.05)


def processes_in(project: Project, command: str) -> list[int]:
    """Processes with `command` in their command line that work in the project's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if command in line and (entry / "cwd").resolve() == project.root:
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def night_set(project: Project) -> dict[str, str]:
    images = ImageSet.open(project.root / "data" / "sets" / "city_pitts_night")
    return {row.name: row.digest for row in images.rows}


def start_repro(project: Project, target: str, **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "--no-run-cache", target],
        cwd=project.root,
        env=project.environment | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_stage_ends_when_only_dvc_is_killed(project: Project, shell: str) -> None:
    params = project.params()
    # Minutes of drawing: nothing here ends by itself.
    params["fetch"]["city"]["train_places"] = 5000
    project.set_params(params)
    # Locks of earlier runs lie there unheld; a new one says that the stage has bound itself to its parent.
    lock = project.root / "work" / "locks" / "fetch@city.lock"
    lock.unlink()
    # Some shells wait beside the command they run, others make way for it.
    dvc = start_repro(project, "fetch@city", SHELL=shell)
    wait_for(lock.exists, "the stage to be under way")
    time.sleep(1)
    dvc.kill()
    dvc.wait()
    wait_for(lambda: not processes_in(project, "python"), "the orphan and its workers to end", patience=20)


def test_translation_ends_when_only_dvc_is_killed_and_the_next_repro_ends_in_the_same_set(
    project: Project,
) -> None:
    before = night_set(project)
    shutil.rmtree(project.root / "work")
    store = project.root / "work" / "nights"
    dvc = start_repro(project, "translate@city_pitts_night", DUSKLINE_WORKERS="1")
    wait_for(lambda: any(store.rglob("*.jpg")), "a first night")
    dvc.kill()
    dvc.wait()
    # No waiting for the orphan: the next run may not be harmed by one that is still about to end.
    second = project.dvc("repro", check=False)
    wait_for(lambda: not processes_in(project, "python"), "the orphan and its workers to end", patience=20)
    if second.returncode != 0:
        assert "another process is running translate" in second.stdout + second.stderr
        project.dvc("repro")
    assert night_set(project) == before
    assert project.repro() == []


def test_killed_translation_goes_on_and_ends_in_the_same_set(project: Project) -> None:
    before = night_set(project)
    shutil.rmtree(project.root / "work")
    store = project.root / "work" / "nights"
    dvc = start_repro(project, "translate@city_pitts_night")
    wait_for(lambda: any(store.rglob("*.jpg")), "a first night")
    for process in processes_in(project, "stages.translate"):
        os.kill(process, signal.SIGKILL)
    assert dvc.wait() != 0
    assert not (project.root / "data" / "sets" / "city_pitts_night" / "manifest.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in store.rglob("*.jpg")}
    project.dvc("repro")
    assert night_set(project) == before
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items()), (
        "a finished night was remade"
    )


def test_interrupted_repro_ends_with_words_and_can_be_run_again(project: Project) -> None:
    before = night_set(project)
    shutil.rmtree(project.root / "work")
    dvc = start_repro(project, "translate@city_pitts_night")
    wait_for(lambda: bool(processes_in(project, "stages.translate")), "the stage to start")
    time.sleep(2)
    for process in [*processes_in(project, "stages.translate"), dvc.pid]:
        os.kill(process, signal.SIGINT)
    assert dvc.wait() != 0
    wait_for(lambda: not processes_in(project, "python"), "the stage and its workers to end")
    project.dvc("repro")
    assert night_set(project) == before
