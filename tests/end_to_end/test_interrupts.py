"""Long stages, commands and `dvc repro` itself, interrupted at random moments: one line each."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.local_server import LocalServer, serving
from tests.end_to_end.project import Project
from tests.end_to_end.test_commands import TINY_UNIT
from tests.end_to_end.test_faults import night_set, processes_in
from tests.end_to_end.test_recognition import TRAIN
from tests.interrupted import Running, catches, check_line, wait_for
from tests.vpr.places import write_places

pytestmark = pytest.mark.slow

MOMENTS = 4
GOES_ON = "finished work is kept, run it again to continue"
FROM_STATE = "run it again to continue from the last saved state"
DOWNLOADED = "what has been downloaded is kept, run it again to continue"


def environment(project: Project, **variables: str) -> dict[str, str]:
    return project.environment | {"DUSKLINE_WORKERS": "2"} | variables


def stage(name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", f"stages.{name}", *options]


def options_of(project: Project, section: str, name: str) -> list[str]:
    """The options that DVC unpacks an entry of params.yaml into."""
    given = {"name": name, **project.params()[section][name], **project.params()["sets"]}
    parts = [
        [f"--{'' if value else 'no-'}{option}"] if isinstance(value, bool) else [f"--{option}", str(value)]
        for option, value in given.items()
    ]
    return [part for some in parts for part in some]


def interrupt_often(
    project: Project, command: list[str], longest: float, prepare: Callable[[], Any], *lines: str
) -> list[str]:
    """Interrupt a command at moments up to `longest` seconds after its begin; what it said each time."""
    draw = random.Random(len(command))
    said = []
    for moment in range(MOMENTS):
        prepare()
        run = Running(command, project.root, environment(project))
        time.sleep(draw.uniform(0, longest))
        number = signal.SIGINT if moment % 2 else signal.SIGTERM
        ended = run.interrupt(number, group=moment > 0)
        check_line(ended, number, *lines)
        assert ended.seconds < 25
        said.append(ended.said)
    # Most moments lie before the end.
    assert sum("interrupted" in words for words in said) >= 2, said
    return said


def empty(folder: Path) -> Callable[[], None]:
    return lambda: shutil.rmtree(folder, ignore_errors=True)


def test_translate_with_its_workers(project: Project) -> None:
    name = "city_pitts_night"
    wanted = night_set(project)
    command = stage("translate", *options_of(project, "translate", name))
    what = f"interrupted: translate@{name}"
    counts = [f"{what}; {made} of {todo} new nights are made and kept, run it again to continue"
              for todo in range(17) for made in range(todo + 1)]  # fmt: skip
    lines = [f"{what}; {GOES_ON}", f"{what}; nothing is lost, run it again to continue", *counts]
    interrupt_often(project, command, 6, empty(project.root / "work"), *lines)
    assert project.run(*command).stdout.startswith(f"translate@{name}: 16 nights")
    assert night_set(project) == wanted


def test_drawing_the_city_with_its_processes(project: Project) -> None:
    line = f"interrupted: fetch@city; {DOWNLOADED}"
    interrupt_often(project, stage("fetch", "--name", "city"), 4, lambda: None, line)
    # What there was is still whole.
    assert project.run(*stage("format", "--name", "city_xs")).stdout.startswith("format@city_xs: 4 images")


def test_translating_a_folder(project: Project, tmp_path: Path) -> None:
    days = str(project.root / "data" / "sets" / "city_pitts" / "images")
    options = ("--checkpoint", "unit/weights/city.pt", "--shorter-side", "72")
    command = stage("translate_folder", days, str(tmp_path / "out"), *options)
    what = "interrupted: duskline translate"
    kept = [
        f"{made} of {todo} new nights are made and kept" for todo in range(17) for made in range(todo + 1)
    ]
    lines = [f"{what}; {words}, run it again to continue" for words in (*kept, "nothing is lost")]
    interrupt_often(project, command, 6, empty(project.root / "work"), f"{what}; {GOES_ON}", *lines)


def test_training_a_recogniser(project: Project) -> None:
    write_places(project.root / "data" / "sets" / "places")
    params = project.params()
    params["train"]["places"] = TRAIN | {"dataset": "places", "epochs": 200, "patience": 200}
    project.set_params(params)
    line = f"interrupted: train@places; {FROM_STATE}"
    interrupt_often(project, stage("train", "--name", "places"), 8, lambda: None, line)


def test_training_a_translator(project: Project) -> None:
    pictures = "data/sets/city_pitts/images"
    params = project.params()
    params["train_unit"]["mine"] = {"day": pictures, "night": pictures, **TINY_UNIT, "iterations": 100_000}
    project.set_params(params)
    given = options_of(project, "train_unit", "mine")
    command = stage("train_unit", *given[: given.index("--shards_above")])
    interrupt_often(project, command, 8, lambda: None, f"interrupted: train_unit@mine; {FROM_STATE}")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as state:
        state.files["/gen.pt"] = bytes(200 * 65_536)
        state.slow = 0.1
        yield state


def test_a_download(project: Project, server: LocalServer) -> None:
    name = "unit_512x288_VGG_1"
    params = project.params()
    params["fetch"][name] = {"kind": "checkpoint", "place": server.address("/gen.pt")}
    project.set_params(params)
    line = f"interrupted: fetch@{name}; {DOWNLOADED}"
    interrupt_often(project, stage("fetch", "--name", name), 4, lambda: None, line)
    # The last of them had something to continue from.
    assert any("Range" in headers for headers in server.headers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_dvc_repro(project: Project, number: signal.Signals) -> None:
    shutil.rmtree(project.root / "work", ignore_errors=True)
    target = "translate@city_pitts_night"
    run = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "--no-run-cache", target],
        cwd=project.root,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )

    def answers() -> bool:
        found = processes_in(project, "stages.translate")
        return any(catches(process, signal.SIGALRM) for process in found)

    wait_for(answers, "the stage to begin")
    time.sleep(1)
    os.killpg(run.pid, number)
    said, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "Traceback" not in said
    assert said.count(f"interrupted: {target}") == (
        1 if number == signal.SIGINT else said.count("interrupted:")
    )
    wait_for(lambda: not processes_in(project, "stages.translate"), "the stage to end")
    project.dvc("repro", target)
    assert len(night_set(project)) == 16
