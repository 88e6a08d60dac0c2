from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.runtime import memory
from pipeline.runtime.memory import available_memory

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up machine of 8 GiB available, in no control group."""
    (tmp_path / "meminfo").write_text(
        f"MemTotal: {16 * GIB // 1024} kB\nMemAvailable: {8 * GIB // 1024} kB\n"
    )
    (tmp_path / "own").write_text("")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    return tmp_path


def group(folder: Path, limit: str, used: int, names: tuple[str, str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {GIB // 2}\n")


NEW = ("memory.max", "memory.current", "inactive_file")
OLD = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_without_groups_it_is_what_the_kernel_says(machine: Path) -> None:
    assert available_memory() == 8 * GIB


def test_the_tightest_group_above_counts(machine: Path) -> None:
    (machine / "own").write_text("0::/batch/job\n")
    group(machine / "groups" / "batch" / "job", "max", 0, NEW)
    group(machine / "groups" / "batch", str(4 * GIB), 2 * GIB, NEW)
    assert available_memory() == 2 * GIB + GIB // 2


def test_groups_of_the_first_version(machine: Path) -> None:
    (machine / "own").write_text("5:cpu:/\n4:memory:/container\n0::/\n")
    group(machine / "groups" / "memory" / "container", str(3 * GIB), 2 * GIB, OLD)
    assert available_memory() == GIB + GIB // 2


def test_a_group_without_files_sets_no_limit(machine: Path) -> None:
    (machine / "own").write_text("0::/elsewhere\n")
    assert available_memory() == 8 * GIB


def test_more_used_than_allowed_is_nothing_left(machine: Path) -> None:
    (machine / "own").write_text("0::/\n")
    group(machine / "groups", str(GIB), 3 * GIB, NEW)
    assert available_memory() == 0


def test_a_machine_that_does_not_tell(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert available_memory() is None


def test_this_machine_tells() -> None:
    room = available_memory()
    assert room is not None
    assert room > 1 << 20


def test_kept_memory_is_not_taken_from_the_kernel_again() -> None:
    faults = []
    for keep in ("", "keep_freed_memory(); "):
        script = (
            "import resource; from pipeline.runtime.memory import keep_freed_memory; import numpy as np; "
            f"{keep}a = np.ones(1 << 22); del a; "
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt; "
            "[np.ones(1 << 22).sum() for _ in range(5)]; "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        faults.append(int(done.stdout))
    assert faults[1] < faults[0] / 10


def test_what_is_freed_and_kept_is_counted() -> None:
    script = (
        "from pipeline.runtime.memory import keep_freed_memory, kept_memory; import numpy as np; "
        "keep_freed_memory(); a = np.ones(1 << 25); b = np.ones(10); before = kept_memory(); del a; "
        "print(kept_memory() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) > (8 << 25) - 4096
