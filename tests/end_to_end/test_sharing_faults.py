"""Remotes that die, lose or spoil objects, refuse or are full: nothing is lost, and a rerun completes."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.clones import (
    MERGED,
    bad_objects,
    clone,
    commit,
    duskline,
    files_of,
    object_of,
    objects,
    spoil,
)
from tests.end_to_end.project import Project
from tests.s3_server import BUCKET, Line, guarded_s3_server, s3_server
from tests.small_disk import small_disk

pytestmark = pytest.mark.slow

MADE = ("data/raw", "data/sets", "reports")

once_or_often = pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """The folder that `pushed` shares through."""
    return tmp_path / "remote"


@pytest.fixture
def pushed(project: Project, remote: Path) -> Project:
    """A project that has pushed everything into a folder."""
    duskline(project, "share", str(remote), "--push", "--yes")
    commit(project)
    return project


@pytest.fixture
def line(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A line to an S3 server that the project shares through; nothing is pushed yet."""
    with s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        to_server = Line(server.port)
        to_server.open()
        endpoint = f"http://127.0.0.1:{to_server.port}"
        duskline(project, "share", f"s3://{BUCKET}/duskline", "--endpoint", endpoint)
        commit(project)
        yield to_server
        to_server.cut()


def _other(project: Project, tmp_path: Path, name: str = "other") -> Project:
    return clone(project, tmp_path / name / "project")


def _require_the_same(other: Project, project: Project) -> None:
    assert files_of(other.root, *MADE) == files_of(project.root, *MADE)
    assert other.dvc("status", "--json").stdout.strip() == "{}"


@once_or_often
def test_a_remote_that_dies_while_it_is_pushed_to(
    project: Project, line: Line, tmp_path: Path, times: int
) -> None:
    line.open()
    project.dvc("push", "--run-cache")
    size = line.passed
    rng = random.Random(1)
    for number in range(times):
        # Each time into a folder of its own, with a site cache that knows nothing of it.
        project.dvc("remote", "modify", "shared", "url", f"s3://{BUCKET}/push{number}")
        line.open(round(size * rng.uniform(0.1, 0.9)))
        done = project.dvc("push", "--run-cache", check=False)
        assert done.returncode != 0
        line.open()
        project.dvc("push", "--run-cache")
        commit(project)
        other = _other(project, tmp_path, f"other{number}")
        other.dvc("pull")
        _require_the_same(other, project)


@once_or_often
def test_a_remote_that_dies_while_it_is_pulled_from(
    project: Project, line: Line, tmp_path: Path, times: int
) -> None:
    project.dvc("push")
    first = _other(project, tmp_path, "first")
    line.open()
    first.dvc("pull")
    size = line.passed
    rng = random.Random(2)
    for number in range(times):
        other = _other(project, tmp_path, f"other{number}")
        line.open(round(size * rng.uniform(0.1, 0.9)))
        assert other.dvc("pull", check=False).returncode != 0
        assert bad_objects(other.root / ".dvc" / "cache") == []
        line.open()
        other.dvc("pull")
        _require_the_same(other, project)


@once_or_often
@pytest.mark.parametrize("what", ["push", "pull"])
def test_killed_at_any_moment_it_completes_when_it_is_run_again(
    what: str, project: Project, remote: Path, tmp_path: Path, times: int
) -> None:
    duskline(project, "share", str(remote))
    commit(project)
    if what == "pull":
        project.dvc("push")
    rng = random.Random(3)
    killed = 0
    runner = project
    for number in range(times):
        if what == "pull":
            runner = _other(project, tmp_path, f"other{number}")
        else:
            shutil.rmtree(remote, ignore_errors=True)
        run = subprocess.Popen(
            [sys.executable, "-m", "dvc", what],
            cwd=runner.root,
            env=runner.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        store = remote if what == "push" else runner.root / ".dvc" / "cache"
        _wait_for_objects(store, rng.randrange(1, 60), run)
        run.send_signal(signal.SIGKILL)
        killed += run.wait() == -signal.SIGKILL
        assert bad_objects(store) == []
        runner.dvc(what)
        if what == "push":
            runner = _other(project, tmp_path, f"after{number}")
            runner.dvc("pull")
        _require_the_same(runner, project)
    assert killed > times // 2


def _wait_for_objects(store: Path, count: int, run: subprocess.Popen[bytes]) -> None:
    while run.poll() is None and sum(1 for _ in objects(store)) < count:
        time.sleep(0.002)


def _night(project: Project) -> Path:
    return next((project.root / MERGED / "images").rglob("*n.jpg"))


@pytest.mark.parametrize("way", ["thorough", "quick"])
def test_a_spoilt_object_is_noticed_by_a_pull_and_repaired_from_a_good_clone(
    way: str, pushed: Project, remote: Path, tmp_path: Path
) -> None:
    night = _night(pushed)
    spoilt = object_of(remote, night)
    if way == "quick":
        spoilt.chmod(0o644)
        spoilt.write_bytes(spoilt.read_bytes()[:-100])
    else:
        spoil(spoilt)
    other = _other(pushed, tmp_path)
    done = other.dvc("pull", check=False)
    assert done.returncode != 0
    assert bad_objects(other.root / ".dvc" / "cache") == []
    # Pushing again does not help: the listing is there, so DVC takes the files for present.
    pushed.dvc("push")
    assert other.dvc("pull", check=False).returncode != 0
    # Here nothing good is within reach, and it is said which stage makes it.
    said = duskline(other, "repair", check=False)
    assert said.returncode == 1
    assert "1 could not be repaired" in said.stderr
    assert night.name in said.stderr
    assert "translate@city_pitts_night" in said.stderr
    repaired = duskline(pushed, "repair", *(["--quick"] if way == "quick" else []))
    assert "1 were damaged or missing on the remote and are uploaded again" in repaired.stdout
    assert night.name in repaired.stdout
    other.dvc("pull")
    _require_the_same(other, pushed)
    assert "sent again" not in duskline(pushed, "repair").stdout


def test_a_lost_object_is_named_and_repaired(pushed: Project, remote: Path, tmp_path: Path) -> None:
    night = _night(pushed)
    object_of(remote, night).unlink()
    other = _other(pushed, tmp_path)
    assert other.dvc("pull", check=False).returncode != 0
    assert night.name in duskline(pushed, "repair", MERGED).stdout
    other.dvc("pull")
    _require_the_same(other, pushed)


def test_a_lost_listing_is_repaired(pushed: Project, remote: Path, tmp_path: Path) -> None:
    listings = [path for _, path in objects(remote) if path.name.endswith(".dir")]
    for path in listings[::2]:
        path.unlink()
    for path in listings[1::2]:
        spoil(path)
    other = _other(pushed, tmp_path)
    assert other.dvc("pull", check=False).returncode != 0
    duskline(pushed, "repair")
    pushed.dvc("push")
    other.dvc("pull")
    _require_the_same(other, pushed)


def test_an_object_that_is_spoilt_in_the_cache_is_got_from_the_remote(pushed: Project) -> None:
    pushed.dvc("checkout", "--relink")  # a copied project has copies instead of links
    night = _night(pushed)
    good = night.read_bytes()
    spoil(object_of(pushed.root / ".dvc" / "cache", night))
    assert night.read_bytes() != good  # it is the same file, by a hard link
    said = duskline(pushed, "repair").stdout
    assert "1 were damaged in DVC's cache and are downloaded again" in said
    assert bad_objects(pushed.root / ".dvc" / "cache") == []
    pushed.dvc("checkout", "--force", "--relink")
    assert night.read_bytes() == good


def test_what_is_spoilt_on_both_sides_is_made_again_and_then_repaired(
    pushed: Project, remote: Path, tmp_path: Path
) -> None:
    night = _night(pushed)
    spoil(object_of(pushed.root / ".dvc" / "cache", night))
    spoil(object_of(remote, night))
    said = duskline(pushed, "repair", check=False)
    assert said.returncode == 1
    assert (
        f"made by translate@city_pitts_night:\n    data/sets/city_pitts_night/images/{_place(night)}"
        in said.stderr
    )
    pushed.dvc("repro", "--force", "--single-item", "translate@city_pitts_night")
    repaired = duskline(pushed, "repair")
    assert "1 were damaged or missing on the remote and are uploaded again" in repaired.stdout
    other = _other(pushed, tmp_path)
    other.dvc("pull")
    assert other.dvc("status", "--json").stdout.strip() == "{}"


def _place(night: Path) -> str:
    return "/".join(night.parts[-3:])


def test_on_s3_a_spoilt_and_a_lost_object_are_mended(project: Project, line: Line, tmp_path: Path) -> None:
    project.dvc("push")
    nights = sorted((project.root / MERGED / "images").rglob("*n.jpg"))[:2]
    keys = [f"duskline/files/md5/{'/'.join(object_of(Path(), night).parts[-2:])}" for night in nights]
    with s3_server_behind(line) as client:
        client.put_object(Bucket=BUCKET, Key=keys[0], Body=b"x" * nights[0].stat().st_size)
        client.delete_object(Bucket=BUCKET, Key=keys[1])
    other = _other(project, tmp_path)
    assert other.dvc("pull", check=False).returncode != 0
    said = duskline(project, "repair").stdout
    assert "2 were damaged or missing on the remote and are uploaded again" in said
    assert all(night.name in said for night in nights)
    other.dvc("pull")
    _require_the_same(other, project)


@contextlib.contextmanager
def s3_server_behind(line: Line):  # type: ignore[no-untyped-def]  # boto3 makes its classes as it runs
    import boto3

    yield boto3.client("s3", endpoint_url=f"http://127.0.0.1:{line.port}", region_name="us-east-1")


def test_two_push_at_once(pushed: Project, remote: Path, tmp_path: Path) -> None:
    """Two clones with different nights and much in common, into one folder that holds nothing yet."""
    shutil.rmtree(remote)
    second = Project(tmp_path / "second" / "project")
    shutil.copytree(pushed.root, second.root)
    params = second.params()
    params["translate"]["city_pitts_night"]["quality"] = 75
    second.set_params(params)
    second.repro()
    commit(second)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "dvc", "push"],
            cwd=one.root,
            env=one.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (pushed, second)
    ]
    assert [run.wait() for run in runs] == [0, 0]
    assert bad_objects(remote) == []
    for one in (pushed, second):
        other = _other(one, tmp_path, f"clone_of_{one.root.parent.name}")
        other.dvc("pull")
        _require_the_same(other, one)


def test_wrong_credentials_are_refused_in_words_and_nothing_is_sent(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with guarded_s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        url, secret = f"s3://{BUCKET}/duskline", server.environment["AWS_SECRET_ACCESS_KEY"]
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        said = duskline(project, "share", url, "--endpoint", server.endpoint, "--push", "--yes", check=False)
        assert said.returncode == 1
        assert "Traceback" not in said.stderr
        assert "credentials come from the environment" in said.stderr
        assert project.dvc("push", check=False).returncode != 0
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        assert server.client().list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        duskline(project, "share", url, "--push", "--endpoint", server.endpoint, "--yes")
        commit(project)
        # A user's own credentials may also are in a file that git does not see.
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        other = _other(project, tmp_path)
        for key, value in (
            ("access_key_id", server.environment["AWS_ACCESS_KEY_ID"]),
            ("secret_access_key", secret),
        ):
            other.dvc("remote", "modify", "--local", "shared", key, value)
        other.dvc("pull")
        _require_the_same(other, project)
        assert secret not in other.run("git", "status", "--short", "--untracked-files=all").stdout
        assert secret not in (other.root / ".dvc" / "config").read_text()
        assert other.run("git", "check-ignore", ".dvc/config.local").returncode == 0


def test_a_disk_that_is_full_while_pulling(pushed: Project, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", size=40_000_000) as mounted:
        other = clone(pushed, tmp_path / "small" / "project")
        ballast = tmp_path / "small" / "ballast"
        if mounted:
            ballast.write_bytes(bytes(shutil.disk_usage(tmp_path / "small").free - 150_000))
            done = other.dvc("pull", check=False)
            ballast.unlink()
        else:
            # Where nothing may be mounted, files that may not grow are the disk that is full.
            done = other.run("prlimit", "--fsize=2000", sys.executable, "-m", "dvc", "pull", check=False)
        assert done.returncode != 0
        assert bad_objects(other.root / ".dvc" / "cache") == []
        other.dvc("pull")
        _require_the_same(other, pushed)
