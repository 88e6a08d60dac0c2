"""The real `translate` stage as a process, killed or starved at any moment: the same set in the end."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.checksummed_lines import checked_fields, checked_line
from tests.end_to_end.project import Project, copy_project
from tests.end_to_end.test_faults import wait_for
from tests.night.fakes import day_name, picture, tree, write_days
from tests.small_disk import small_disk

pytestmark = pytest.mark.slow

COUNT = 40


class Stage:
    """`translate@tiny_night` in a project of its own, over tiny images, with the small net."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.sets = project.root / "data" / "sets"
        self.out = self.sets / "tiny_night"
        self.store = project.root / "work" / "nights"

    def start(self, limit: int = resource.RLIM_INFINITY, **variables: str) -> subprocess.Popen[str]:
        """Start it in a process group of its own; `limit` is the largest file that it may write."""
        options = {
            "name": "tiny_night", "day": "tiny", "checkpoint": "tests/data/unit/gen_dim8.pt",
            "direction": "day2night", "shorter_side": 64, "stretch": "minmax", "size": "source",
            "detail": "network", "dtype": "float32", "format": "jpg", "quality": 90, "max_failed": 0.0,
            "shards_above": 1000,
        }  # fmt: skip
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        run = subprocess.Popen(
            [sys.executable, "-m", "stages.translate", *given],
            cwd=self.project.root,
            env=self.project.environment | {"DUSKLINE_WORKERS": "2"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        # It imports for a second before it writes anything.
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (limit, limit))
        return run

    def nights(self, store: Path | None = None) -> list[Path]:
        """The finished nights in the store."""
        return [path for path in (store or self.store).rglob("*.jpg") if not path.name.startswith(".")]


def end(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a run and everything that it started; its exit code and what it said."""

    def group_is_gone() -> bool:
        try:
            os.killpg(run.pid, 0)
        except ProcessLookupError:
            return True
        return False

    said, complained = run.communicate(timeout=120)
    wait_for(group_is_gone, "the workers to end with the stage")
    return run.returncode, said + complained


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("killed") / "project")
    pictures = {day_name(number): picture(number, 128, 96) for number in range(COUNT)}
    write_days(project.root / "data" / "sets" / "tiny", pictures)
    return project.root


@pytest.fixture
def stage(template: Path, tmp_path: Path) -> Stage:
    shutil.copytree(template, tmp_path / "project")
    return Stage(Project(tmp_path / "project"))


@pytest.fixture(scope="module")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """The set of a run that nobody disturbs, and the seconds that it takes."""
    root = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(template, root)
    stage = Stage(Project(root))
    begun = time.monotonic()
    code, said = end(stage.start())
    assert code == 0, said
    assert f"{COUNT} nights ({COUNT} newly translated" in said
    return tree(stage.out), time.monotonic() - begun


def kill_at_a_random_moment(stage: Stage, draw: random.Random, span: float, late: bool) -> str:
    """Start the stage and kill it, `late` once it has begun to make nights; where it was hit."""
    before = len(stage.nights())
    run = stage.start()
    if late:
        wait_for(lambda: len(stage.nights()) > before or run.poll() is not None, "a new night")
    time.sleep(draw.uniform(0, span / 10 if late else span))
    os.kill(run.pid, signal.SIGKILL)
    code, said = end(run)
    if code == 0:
        return "after its end"
    assert code == -signal.SIGKILL, said
    return "among the nights" if len(stage.nights()) > before else "before a night"


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.long)])
def test_a_stage_killed_at_random_moments_comes_to_the_same_set(
    stage: Stage, undisturbed: tuple[dict[str, bytes], float], kills: int
) -> None:
    wanted, span = undisturbed
    draw = random.Random(4)
    hits = []
    for number in range(kills):
        hits.append(kill_at_a_random_moment(stage, draw, span, late=number % 2 == 1))
        assert not stage.out.exists() or tree(stage.out) == wanted
        if stage.out.exists() or len(stage.nights()) == COUNT:
            # Nothing is left to interrupt: begin again, some nights made already, as after a changed setting.
            shutil.rmtree(stage.out, ignore_errors=True)
            for night in draw.sample(stage.nights(), COUNT * 3 // 4):
                night.unlink()
    kept = {path: path.stat().st_mtime_ns for path in stage.nights()}
    code, said = end(stage.start())
    assert code == 0, said
    assert tree(stage.out) == wanted
    assert ImageSet.open(stage.out).counts() == {"train/database": COUNT}
    # A night whose line in the journal was not written yet is made again; no other is.
    remade = sum(path.stat().st_mtime_ns != stamp for path, stamp in kept.items())
    assert remade <= 1
    assert not [path for path in stage.project.root.rglob("*") if path.name.endswith(".part")]
    assert hits.count("among the nights") >= max(1, kills // 5), hits
    assert hits.count("before a night") >= kills // 5, hits


def test_a_full_disk_ends_the_stage_in_words_and_more_room_lets_it_go_on(
    stage: Stage, undisturbed: tuple[dict[str, bytes], float], tmp_path: Path
) -> None:
    wanted, _ = undisturbed
    work = tmp_path / "small"
    with small_disk(work, 300_000) as mounted:
        # Where nothing may be mounted, a journal that may not grow is the disk that is full.
        limit = resource.RLIM_INFINITY if mounted else 8192
        code, said = end(stage.start(limit, DUSKLINE_WORK=str(work)))
        assert code == 1
        assert said.startswith("error: could not write ")
        assert ("No space left on device" if mounted else "File too large") in said
        assert "check free disk space" in said
        assert not stage.out.exists()
        made = len(stage.nights(work))
        assert 0 < made < COUNT
        assert not [path for path in work.rglob("*") if path.name.endswith(".part")]
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=10m", str(work)], check=True)
        code, said = end(stage.start(DUSKLINE_WORK=str(work)))
        assert code == 0, said
        assert COUNT - made <= int(said.split("(")[1].split()[0]) <= COUNT - made + 1
        assert tree(stage.out) == wanted


def test_a_spoilt_store_after_a_crash_of_the_machine_is_repaired_by_the_stage(
    stage: Stage, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    """Sizes and contents as a file system may have them after a loss of power, with the times of before."""
    wanted, _ = undisturbed
    assert end(stage.start())[0] == 0
    journal = next(stage.store.glob("*/journal.txt"))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    shutil.rmtree(stage.out)
    _age(journal, boot)
    zeroed, cut, lost = sorted(stage.nights())[:3]
    for path, data in ((zeroed, b"\0" * zeroed.stat().st_size), (cut, cut.read_bytes()[:100])):
        times = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    lost.unlink()
    code, said = end(stage.start())
    assert code == 0, said
    assert f"{COUNT} nights (3 newly translated" in said
    assert tree(stage.out) == wanted


def _age(journal: Path, boot: str) -> None:
    """Let a journal be one of an earlier run of the machine: every line names it, under its checksum."""
    lines = map(checked_fields, journal.read_bytes().splitlines())
    journal.write_bytes(
        b"".join(checked_line(*(field.replace(boot, "earlier") for field in line)) for line in lines)
    )
