"""Runs that are ended from outside, at any moment: nothing is lost, nothing is half done, nobody is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from tests.import_graph import ROOT
from tests.night.fakes import Nightly, days, tree, write_days
from tests.night.work import entries
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("pool_here")

COUNT = 24

SCRIPT = """
import sys
from pathlib import Path
from pipeline.runtime.errors import DusklineError
from pipeline.datasets.image_set.image_set import ImageSet
from tests.night.fakes import Nightly

base, workers, wait = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
try:
    print(Nightly(base, workers=workers, wait=wait).run(ImageSet.open(base / "day")))
except DusklineError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def start(base: Path, workers: int = 2, wait: float = 0.05) -> subprocess.Popen[str]:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(base), str(workers), str(wait)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def group_is_gone(run: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(run.pid, 0)
    except ProcessLookupError:
        return True
    return False


def end(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a run and everything that it started; its exit code and what it said."""
    _, said = run.communicate(timeout=60)
    wait_until(lambda: group_is_gone(run), "all processes of the run were gone")
    return run.returncode, said


def translated(base: Path) -> int:
    log = Nightly(base).log
    return len(log.read_text().splitlines()) if log.exists() else 0


def wait_for_pictures(run: subprocess.Popen[str], base: Path, count: int) -> None:
    """Wait until a run has begun with `count` images."""
    wait_until(lambda: translated(base) >= count or run.poll() is not None, f"{count} were translated")
    assert run.poll() is None, run.communicate()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The set that a run gives which nobody disturbs."""
    base = tmp_path_factory.mktemp("undisturbed")
    Nightly(base).run(write_days(base / "day", days(COUNT)))
    return tree(base / "night")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_days(tmp_path / "day", days(COUNT))
    return tmp_path


def check_and_finish(base: Path, wanted: dict[str, bytes]) -> None:
    """An ended run has left nothing or everything; the next one makes what is missing and nothing twice."""
    night = Nightly(base)
    assert not night.out.exists() or tree(night.out) == wanted
    kept = {path.stem for path in entries(night.store)}
    night.calls()
    night.run(ImageSet.open(base / "day"))
    # A night whose line in the journal was not written yet is made again.
    assert COUNT - len(kept) <= night.calls() <= COUNT - len(kept) + 1
    assert tree(night.out) == wanted
    assert not [path for path in base.rglob("*") if path.name.endswith(".part")]


def random_kills(base: Path, wanted: dict[str, bytes], kills: int, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(kills):
        run = start(base, workers=draw.choice([1, 2, 3]), wait=0.01)
        time.sleep(draw.uniform(0.0, 1.2))
        os.kill(run.pid, signal.SIGKILL)
        end(run)
        night = Nightly(base)
        assert not night.out.exists() or tree(night.out) == wanted
        if draw.random() < 0.3:
            # As `dvc repro` does before every run.
            subprocess.run(["rm", "-rf", str(night.out)], check=True)
    check_and_finish(base, wanted)


@pytest.mark.slow
def test_runs_that_were_killed_at_random_moments_come_to_the_same_set(
    base: Path, wanted: dict[str, bytes]
) -> None:
    random_kills(base, wanted, kills=2, seed=1)


@pytest.mark.long
def test_runs_that_were_killed_at_many_random_moments_come_to_the_same_set(
    tmp_path: Path, wanted: dict[str, bytes]
) -> None:
    for seed in range(5):
        base = tmp_path / str(seed)
        write_days(base / "day", days(COUNT))
        random_kills(base, wanted, kills=6, seed=100 + seed)


def test_a_kill_in_the_middle_leaves_no_worker_and_loses_nothing(
    base: Path, wanted: dict[str, bytes]
) -> None:
    run = start(base)
    wait_for_pictures(run, base, 6)
    os.kill(run.pid, signal.SIGKILL)
    code, _ = end(run)
    assert code == -signal.SIGKILL
    assert not (base / "night").exists()
    check_and_finish(base, wanted)


@pytest.mark.parametrize(
    ("number", "to_all"),
    [(signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGTERM, False)],
    ids=["ctrl-c", "group-ended", "parent-ended"],
)
@pytest.mark.slow
def test_an_interrupted_run_says_so_in_two_lines_and_keeps_what_is_made(
    base: Path, wanted: dict[str, bytes], number: signal.Signals, to_all: bool
) -> None:
    run = start(base)
    wait_for_pictures(run, base, 8)
    (os.killpg if to_all else os.kill)(run.pid, number)
    code, said = end(run)
    assert code == 130
    assert len(said.splitlines()) == 2, said
    first, second = said.splitlines()
    made = int(first.split()[1])
    assert first == f"interrupted; {made} of {COUNT} new nights are made and kept"
    assert 1 <= made < COUNT
    assert second.strip() == "run the same command again to continue from there"
    # It may have ended between a night and its being counted.
    kept = [path for path in Nightly(base).store.rglob("*.jpg") if not path.name.startswith(".")]
    assert made <= len(kept) <= made + 1
    check_and_finish(base, wanted)


def test_a_signal_before_anything_is_made_is_no_traceback(base: Path, wanted: dict[str, bytes]) -> None:
    run = start(base, wait=60)
    wait_for_pictures(run, base, 1)
    os.killpg(run.pid, signal.SIGINT)
    code, said = end(run)
    assert (code, said.splitlines()[0]) == (130, f"interrupted; 0 of {COUNT} new nights are made and kept")
    check_and_finish(base, wanted)


def workers_of(run: subprocess.Popen[str]) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == run.pid and b"spawn_main" in command:
            found.append(int(status.parent.name))
    return sorted(found)


def test_a_killed_worker_costs_nothing_but_the_picture_in_hand(base: Path, wanted: dict[str, bytes]) -> None:
    run = start(base)
    wait_for_pictures(run, base, 6)
    os.kill(workers_of(run)[0], signal.SIGKILL)
    code, said = end(run)
    assert code == 0, said
    assert "a worker died, perhaps because of " in said
    assert "killed by signal 9" in said
    assert COUNT <= Nightly(base).calls() <= COUNT + 1
    assert tree(base / "night") == wanted


@pytest.mark.slow
def test_a_second_run_of_the_same_recipe_is_refused_and_does_no_harm(
    base: Path, wanted: dict[str, bytes]
) -> None:
    first = start(base, wait=60)
    wait_for_pictures(first, base, 1)
    code, said = end(start(base))
    assert code == 2
    assert "another process is running translate" in said
    os.killpg(first.pid, signal.SIGINT)
    assert end(first)[0] == 130
    check_and_finish(base, wanted)
