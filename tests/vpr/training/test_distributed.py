"""Several processes that train as one: the same steps, the same weights, and none that is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch import nn

from pipeline.compute.distributed.group import Group, joined_group
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.models.aggregation import NetVLAD
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.models.sync_batchnorm import SharedBatchNorm, share_batch_norm
from pipeline.vpr.training.losses import contrastive_loss, triplet_loss
from tests.free_port import free_port
from tests.import_graph import ROOT
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS, curve, run

NEGATIVES = 2
# Adam's first steps divide small gradients by themselves: with a low rate their rounding stays small.
SHORT = replace(SETTINGS, epochs=2, lr=1e-4, batch=3, queries_per_epoch=8)


def network() -> nn.Module:
    torch.manual_seed(5)
    block = (nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    frozen = nn.Sequential(*block).requires_grad_(requires_grad=False)
    learning = nn.Sequential(nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    return nn.Sequential(frozen, learning, NetVLAD(3, 8)).double()


def batch(rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows * (2 + NEGATIVES), 3, 12, 12, generator=generator, dtype=torch.float64)


def pairs_loss(descriptors: torch.Tensor, group: Group, rows: int) -> torch.Tensor:
    # The first two of each show one place.
    places = torch.tensor([0, 0, 1])[:rows]
    shown = descriptors.unflatten(0, (-1, 2 + NEGATIVES)) if len(descriptors) else descriptors.view(0, 4, 24)
    near = places[:, None] == places[None]
    # Query, positive and night of a place; and query, two positives and night.
    one = contrastive_loss(shown[:, :3], near, 0.1, group)
    return one + contrastive_loss(shown, near.repeat_interleave(2, dim=1), 0.1, group)


def step(group: Group, rows: int, *, pairs: bool = False) -> dict[str, torch.Tensor]:
    """Loss, gradients and statistics after one step of `rows` queries, shared by the group."""
    shared = network()
    share_batch_norm(shared, group)
    shared.train()
    pictures = batch(rows)
    images = torch.cat([*group.share(pictures.split(2 + NEGATIVES)), pictures[:0]])
    if pairs:
        loss = pairs_loss(shared(images), group, rows)
    else:
        loss = triplet_loss(shared(images), NEGATIVES, 2.0, batch=rows)
    loss.backward()
    total = loss.detach()
    gradients = {name: value.grad for name, value in shared.named_parameters() if value.grad is not None}
    group.add([total, *gradients.values()])
    return {"loss": total, **gradients, **{f"buffer {name}": value for name, value in shared.named_buffers()}}


def process(rank: int, size: int, port: int, out: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
    os.environ["RANK"] = str(rank)
    torch.set_num_threads(1)
    with joined_group(torch.device("cpu")) as group:
        found: dict[str, Any] = {str(rows): step(group, rows) for rows in (1, 3)}
        found |= {f"{rows} pairs": step(group, rows, pairs=True) for rows in (1, 3)}
        rows = np.arange(10, dtype=np.float32).reshape(5, 2)
        found["gathered"] = torch.from_numpy(group.gathered(group.share(rows), 5, torch.device("cpu")))
        torch.save(found, out / f"{rank}.pt")
    assert not dist.is_initialized()


@pytest.mark.slow
def test_two_processes_take_the_step_of_one(tmp_path: Path) -> None:
    processes.spawn(process, (2, free_port(), tmp_path), nprocs=2)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found["gathered"].flatten().tolist() == list(range(10))
        # One row leaves one of the processes without an image.
        for rows in (1, 3):
            for kind, whole in (
                (f"{rows}", step(Group(), rows)),
                (f"{rows} pairs", step(Group(), rows, pairs=True)),
            ):
                assert found[kind].keys() == whole.keys()
                for name, value in whole.items():
                    torch.testing.assert_close(found[kind][name], value, rtol=1e-9, atol=1e-12)


def test_shared_batch_norm_keeps_the_names_of_weights() -> None:
    before = network()
    names = list(before.state_dict())
    share_batch_norm(before, Group(2, 0))
    assert list(before.state_dict()) == names
    assert sum(isinstance(module, SharedBatchNorm) for module in before.modules()) == 2


def start(folder: Path, places: ImageSet, *, kill_after: int = 0) -> int:
    """Train `SHORT` in two processes of `torchrun`; the first may end itself after some saved states."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = ["-m", "tests.vpr.train_in_group", str(places.root), str(folder), str(kill_after)]
    return subprocess.run([*command, *arguments], cwd=ROOT, check=False, timeout=170).returncode


@pytest.mark.slow
def test_torchrun_trains_to_the_weights_of_one_process_and_goes_on_where_it_was_killed(
    tmp_path: Path,
) -> None:
    places = write_places(tmp_path / "set")
    for name in ("alone", "together", "killed"):
        (tmp_path / name).mkdir()
    run(places, tmp_path / "alone", SHORT)
    assert start(tmp_path / "together", places) == 0
    assert start(tmp_path / "killed", places, kill_after=2) != 0
    assert not (tmp_path / "killed" / "out" / "model.pt").exists()
    assert start(tmp_path / "killed", places) == 0
    alone, together, killed = (
        load_model(tmp_path / name / "out" / "model.pt") for name in ("alone", "together", "killed")
    )
    assert together[2]["numeric_path"] == "cpu, float32, 1 threads, 2 processes"
    for name, value in alone[0].state_dict().items():
        torch.testing.assert_close(together[0].state_dict()[name], value, rtol=1e-3, atol=1e-4)
        assert torch.equal(together[0].state_dict()[name], killed[0].state_dict()[name])
    assert curve(tmp_path / "together", "loss") == pytest.approx(curve(tmp_path / "alone", "loss"), abs=1e-4)
    assert curve(tmp_path / "killed", "loss") == curve(tmp_path / "together", "loss")
