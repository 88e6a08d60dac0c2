"""Several processes that adapt as one: the same weights, where a run was killed too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.experiments.experiment import ADAPTED
from pipeline.vpr.experiments.torch_hub import HubModel, load_hub_model, register_hub_model
from pipeline.vpr.models.descriptor_model import load_model
from tests.import_graph import ROOT
from tests.vpr.adaptation.adapt_in_group import settings_of
from tests.vpr.adaptation.runs import run, write_teacher
from tests.vpr.places import write_places
from tests.vpr.runs import curve


def start(processes: int, *arguments: object) -> int:
    """Adapt in so many processes of `torchrun`, as adapt_in_group.py says."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    module = [str(processes), "-m", "tests.vpr.adaptation.adapt_in_group"]
    command = [*launch, *module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=170).returncode


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("alone", "together", "killed"):
        (tmp_path / name).mkdir()
    write_places(tmp_path / "set", twins=True)
    return tmp_path


@pytest.mark.slow
def test_torchrun_adapts_to_the_weights_of_one_process_and_goes_on_where_it_was_killed(
    folders: Path,
) -> None:
    teacher = write_teacher(folders / "teacher")
    places, alone, together, killed = (folders / name for name in ("set", "alone", "together", "killed"))
    run(ImageSet.open(places), teacher, alone, settings_of("keep", 3))
    assert start(2, places, teacher, together, "keep", 3, 0) == 0
    assert start(2, places, teacher, killed, "keep", 3, 2) != 0
    assert not (killed / "out" / "model.pt").exists()
    assert start(2, places, teacher, killed, "keep", 3, 0) == 0
    one, other, third = (load_model(folder / "out" / "model.pt") for folder in (alone, together, killed))
    assert other[2]["numeric_path"] == "cpu, float32, 1 threads, 2 processes"
    for name, value in one[0].state_dict().items():
        torch.testing.assert_close(other[0].state_dict()[name], value, rtol=1e-3, atol=1e-4)
        assert torch.equal(other[0].state_dict()[name], third[0].state_dict()[name])
    assert curve(together, "loss") == pytest.approx(curve(alone, "loss"), abs=1e-4)
    assert curve(killed, "loss") == curve(together, "loss")
    assert list((killed / "work").iterdir()) == []


@pytest.mark.slow
def test_a_process_that_has_no_picture_of_a_batch_learns_with_the_others(
    folders: Path,
) -> None:
    (folders / "code").mkdir()
    (folders / "code" / "hubconf.py").write_text(OF_SOME_PICTURES)
    register_hub_model(
        HubModel("local", str(folders / "code"), "means", {}, trust_repo=True), folders / "hub"
    )
    places, hub, alone, together = (folders / name for name in ("set", "hub", "alone", "together"))
    run(ImageSet.open(places), hub, alone, settings_of("rebuild", 2))
    assert start(3, places, hub, together, "rebuild", 2, 0) == 0
    one, other = (load_hub_model(folder / "out" / "hub.json").state_dict() for folder in (alone, together))
    assert (together / "out" / ADAPTED).is_file()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-3, atol=1e-5)


# As many networks do, it takes no batch without an image.
OF_SOME_PICTURES = """
dependencies = ["torch"]
import torch


class Means(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(48, 8)

    def forward(self, x):
        means = torch.nn.functional.adaptive_avg_pool2d(x, 4)
        return self.linear(means.reshape(len(x), -1))


def means():
    return Means()
"""
