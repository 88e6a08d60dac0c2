"""Every benchmark prints its figures, on the smallest job that its own options can ask for.

Those of which more is tested have a file or a folder of their own here, which runs their command.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module

import pytest
from click.testing import CliRunner

from benchmarks import turns
from pipeline.compute.device.threads import threads_within
from tests.docs.pages import Block
from tests.docs.walk import expect
from tests.import_graph import ROOT

# By benchmark the options and what is printed with them, numbers and `...` standing for any.
RUNS = {
    "cluster": (
        "--images 2 --dim 4 --shorter-side 32",
        """
        local: 2 images in 3.8 s, 0.524 per second
        ray: 2 images in 5.5 s, 0.363 per second
        ray takes 1.445 times as long; nights are identical
        """,
    ),
    "format": (
        "--images 16 --workers 1",
        """
        4 images of 105 kB: 51 per second, 17.0 minutes for 51,840, at most 74 MB of memory
        16 images of 105 kB: 85 per second, 10.2 minutes for 51,840, at most 75 MB of memory
        """,
    ),
    "joint_step": (
        "--places 2 --height 64 --width 96 --rounds 1 --threads 1",
        """
        2 x 3 images of 96x64, 1 threads; ours uses ...
                                                  s/step  x plain    MiB  first loss
        plain: float32, NCHW                       0.163     1.00    832      0.1569
        ours without folding                       0.255     0.64    858      0.1762
        ours                                       0.185     0.88    848      0.1769
        bound: frozen day features cached          0.118     1.39    844      0.1769
        """,
    ),
    "nights": (
        f"{ROOT}/unit/weights/city.pt --views 2",
        """
        2 views                           PSNR  lit
        day images                        9.39 27.91
        ground-truth nights                     3.09
        ...unit/weights/city.pt          18.39  2.71
        """,
    ),
    "search": (
        "--size 1000 --length 32 --dimensions 8 --queries 10",
        """
        1,000 descriptors of 32 dimensions (0 MiB), 10 queries; IVF-PQ search (...)
                  build, s search, s held, MiB    R@1    R@5   R@10   R@20
           exact       0.0       0.0         0   10.0   50.0   60.0   70.0
          IVF-PQ       0.1       0.0         1   10.0   30.0   50.0   70.0
            loss   ...
         overlap   with the N exact nearest, %   90.0   78.0   67.0   61.5
        """,
    ),
    "shards": (
        "--images 4",
        """
        | 4 images | objects | MB | add, s | push, s | push again, s | pull, s | pull again, s |
        |---|---|---|---|---|---|---|---|
        | files, folder | 6 | 0.0 | 1.4 | 0.9 | 0.8 | 1.3 | 1.0 |
        | shards, folder | 4 | 0.0 | 2.2 | 1.4 | 1.4 | 1.9 | 1.2 |
        | files, s3 | 6 | 0.0 | 2.0 | 2.6 | 2.5 | 2.9 | 1.6 |
        | shards, s3 | 4 | 0.0 | 1.8 | 2.5 | 2.4 | 2.6 | 1.8 |
        """,
    ),
    "store": (
        "--images 8 --few 4",
        """
        planning for 8 existing nights                                              0.0 s  < 10 s
        first `dvc repro`: link the dataset and DVC's cache to the store      8.5 s (4.4)
        `dvc repro` with nothing to do                                        1.2 s (0.7)
        `dvc repro` with one changed image                                    7.1 s (4.4)  < 15 s
        `dvc repro` with one changed image                                    6.6 s (4.1)  < 15 s
        the stage alone, nothing to translate                                       5.0 s
        peak memory of the stage, 4 images                                        299 MiB
        peak memory of the stage, 8 images                                        298 MiB
        growth per image ... KiB
        """,
    ),
    "times_of_day": (
        "--views 2",
        """
        true             day    sunset     night
        day                2         0         0
        sunset             0         2         0
        night              0         0         2
        0.0 % of 6 wrong; day and night confused 0 times
        """,
    ),
    "train_unit": (
        "--dim 4 --height 64 --width 64 --curves 2 --window 1",
        """
        dim 4, 1 + 1 images of 64x64, 1 threads, torch ...
                                                    s/step  x plain    GiB
        plain: float32, NCHW, two passes             0.386     1.00   0.73
        ours, autocast off                           0.265     1.46   0.73
        ours, autocast bfloat16                      0.315     1.23   0.72
        ours, autocast bfloat16, checkpointing       1.283     0.30   0.72
        largest deviation from plain, in %, of means over 1 of 2 steps
                                    float32       bfloat16  checkpointing
        dis_a                         0.000          0.052          0.052
        ...
        total                         0.000          0.052          0.052
        """,
    ),
    "translators": (
        "--width 4 --size 64x48 --rounds 1",
        """
        ..., torch ..., 64x48, width 4
        ...-float32                                  s  times UNIT
        UNIT                                     0.007        1.00
        ResNet, 9 blocks                         0.002        3.25
        ...
        classical                                0.002        3.56
        """,
    ),
    "translate": (
        "--images 2 --rounds 1 --dim 4 --shorter-side 32",
        """
        ..., 1 workers or threads, torch ...
        network of width 4, 0 GFLOP per image
        matrix product in torch.float32: 74 GFLOP/s
        matrix product in torch.bfloat16: 416 GFLOP/s
                                      images/s  times plain   GFLOP/s lowest PSNR
        plain loop, float32             49.534         1.00         1
        ...-float32                     48.943         0.99         1
        peak memory of one worker: 888 MiB
        float32: 0.01 s per image on one thread: decode 24.7 %, resize 17.4 %, network 53.9 %, encode 3.9 %
        auto: 0.01 s per image on one thread: decode 20.2 %, resize 15.0 %, network 61.6 %, encode 3.3 %
        """,
    ),
    "vpr": (
        "--pictures 12 --height 64 --width 96 --rounds 1 --threads 1",
        """
        12 images of 96x64, 1 threads; auto is ...
                                                            seconds  x loop  x plain  largest difference from plain
        step: clusters in a Python loop, float32, NCHW       0.0540     1.0     3.65  ...
        step: plain, float32, NCHW                           0.1969     0.3     1.00  0.0e+00
        step: ours, float32                                  0.0611     0.9     3.22  ...
        step: ours, autocast auto                            0.0503     1.1     3.91  ...
        descriptors: plain, float32, NCHW                    0.1046             1.00  0.0e+00
        descriptors: ours, float32                           0.2123             0.49  ...
        descriptors: ours, autocast auto                     0.0830             1.26  ...
        """,  # noqa: E501
    ),
}


def commands() -> set[str]:
    """The benchmarks that can be run, by the names of their modules."""
    folder = ROOT / "benchmarks"
    files = {path.stem for path in folder.glob("*.py") if "__main__" in path.read_text()}
    return files | {path.parent.name for path in folder.glob("*/__main__.py")}


def run_elsewhere(name: str) -> bool:
    """Whether a benchmark has tests of its own that run its command."""
    own = [*ROOT.glob(f"tests/benchmarks/test_{name}.py"), *ROOT.glob(f"tests/benchmarks/{name}/test_*.py")]
    return any("invoke(" in path.read_text() for path in own)


def test_every_benchmark_is_run() -> None:
    missing = {name for name in commands() - set(RUNS) if not run_elsewhere(name)}
    assert not missing, f"run {sorted(missing)} here, on as little as their options allow"
    assert set(RUNS) <= commands()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One worker; ways that take turns do so in threads of this process, which has imported all already."""
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    monkeypatch.setattr(turns, "own_process", partial(ThreadPoolExecutor, 1))
    with threads_within(1):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("small")
def test_a_benchmark_prints_its_figures(name: str) -> None:
    options, printed = RUNS[name]
    command = import_module(f"benchmarks.{name}").main
    done = CliRunner().invoke(command, options.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    expect(Block("text", printed, "output", f"benchmarks.{name}"), done.output)
