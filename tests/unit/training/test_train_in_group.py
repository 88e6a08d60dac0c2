"""Several processes that train UNIT as one: the same steps and weights, and none that is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as processes

from pipeline.compute.device.threads import threads_within
from pipeline.compute.distributed.group import ALONE, Group, joined_group
from pipeline.runtime.errors import DusklineError, ParameterError
from tests.free_port import free_port
from tests.import_graph import ROOT
from tests.unit.golden import draw_folders, tiny_settings
from unit.data.domain_images import side_of_folder
from unit.training.step import Trainer
from unit.training.train import require_shares, train

CPU = torch.device("cpu")
FILES = ("gen.pt", "live/metrics.json", "live/plots/images/sheet.jpg")


def crops(count: int, number: int) -> torch.Tensor:
    return torch.rand(count, 3, 16, 20, generator=torch.Generator().manual_seed(number)) * 2 - 1


def steps(group: Group, batch: int) -> dict[str, torch.Tensor]:
    """Losses, gradients and weights of a tied step and of two others."""
    trainer = Trainer(tiny_settings(batch=batch, tied_iterations=1, lr=1e-5), group=group)
    found: dict[str, torch.Tensor] = {}
    for iteration in range(3):
        day, night = (group.share(crops(batch, 10 * iteration + domain)) for domain in (1, 2))
        losses = trainer.step(day, night, iteration)
        found |= {f"{iteration} {name}": loss for name, loss in losses.items()}
        for name in ("a", "b", "dis_a", "dis_b"):
            for key, weight in getattr(trainer, name).named_parameters():
                if weight.grad is not None:
                    found[f"{iteration} {name} {key} gradient"] = weight.grad.clone()
                found[f"{iteration} {name} {key}"] = weight.detach().clone()
    return found


def process(rank: int, ports: tuple[int, int], root: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(ports[0]), "WORLD_SIZE": "2"}
    os.environ["RANK"] = str(rank)
    torch.set_num_threads(1)
    with joined_group(CPU) as group:
        found: dict[str, Any] = {str(batch): steps(group, batch) for batch in (2, 3)}
        found["said"] = group.all_gather_objects(f"I am {rank}")
        found["from first"] = group.from_first((rank, {"x": torch.full((2,), rank)}), CPU)
    os.environ["MASTER_PORT"] = str(ports[1])
    other = (root / "day", root / "night") if rank else (root / "night", root / "day")
    with pytest.raises(DusklineError, match="do not have the same images"):
        train(
            tiny_settings(), *map(side_of_folder, other), root / "gen.pt", root / "work", live=root / "live"
        )
    torch.save(found, root / f"{rank}.pt")


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    draw_folders(tmp_path)
    processes.spawn(process, ((free_port(), free_port()), tmp_path), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert first["said"] == second["said"] == ["I am 0", "I am 1"]
    assert second["from first"][0] == 0
    assert second["from first"][1]["x"].tolist() == [0, 0]
    for batch in (2, 3):
        with threads_within(1):
            whole = steps(ALONE, batch)
        found = first[str(batch)]
        assert found.keys() == second[str(batch)].keys() == whole.keys()
        for name, value in whole.items():
            assert torch.equal(found[name], second[str(batch)][name]), name
            if batch == 2:
                # An image each: there is only one order in which to add them.
                assert torch.equal(found[name], value), name
            else:
                torch.testing.assert_close(found[name], value, rtol=1e-3, atol=3e-5, msg=name)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    require_shares(tiny_settings(batch=2), Group(2, 1))
    require_shares(tiny_settings(batch=1, dis_norm="batch"), ALONE)
    with pytest.raises(ParameterError, match="batch is 2, too few images for 3 processes"):
        require_shares(tiny_settings(batch=2), Group(3, 0))
    with pytest.raises(ParameterError, match="in one process, but there are 2 processes"):
        require_shares(tiny_settings(batch=2, dis_norm="batch"), Group(2, 0))


def start(
    folder: Path, *, processes: int, kill_after: int = 0, lr: float = 1e-3
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), "-m", "tests.unit.train_in_group"]
    arguments = [str(folder), str(kill_after), str(lr)]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, check=False, timeout=170, capture_output=True, text=True
    )


@pytest.mark.slow
def test_torchrun_trains_to_the_bytes_of_one_process_and_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    alone, together, killed = (tmp_path / name for name in ("alone", "together", "killed"))
    for folder in (alone, together, killed):
        draw_folders(folder)
    assert start(alone, processes=1).returncode == 0
    assert start(together, processes=2).returncode == 0
    assert start(killed, processes=2, kill_after=1).returncode != 0
    assert not (killed / "0" / "gen.pt").exists()
    assert start(killed, processes=2).returncode == 0
    # The second process has no state of its own.
    assert [(killed / str(rank) / "started_at").read_text() for rank in range(2)] == ["3", "3"]
    assert [path.name for path in (together / "1").iterdir()] == ["started_at"]
    for name in FILES:
        expected = (alone / "0" / name).read_bytes()
        assert (together / "0" / name).read_bytes() == expected, name
        assert (killed / "0" / name).read_bytes() == expected, name
    # Their states are not those of one process, of which the sums may be rounded otherwise.
    assert start(killed, processes=1).returncode == 0
    assert (killed / "0" / "started_at").read_text() == "0"


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_all_processes_with_all_pictures_of_the_step(tmp_path: Path) -> None:
    draw_folders(tmp_path)
    done = start(tmp_path, processes=2, lr=1e30)
    assert done.returncode != 0
    messages = [line for line in done.stderr.splitlines() if "its images:" in line]
    assert messages
    assert messages[0].count(str(tmp_path / "day")) == messages[0].count(str(tmp_path / "night")) == 2
