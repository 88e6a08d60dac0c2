"""What networks take is predicted, and refused in words where it is more than there is."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.compute.resources import memory as device_memory
from pipeline.runtime.errors import DusklineError
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
from pipeline.vpr.retrieval import memory_estimate
from pipeline.vpr.retrieval.extraction import extract
from pipeline.vpr.training import memory_check
from pipeline.vpr.training.examples import mining
from pipeline.vpr.training.memory_check import require_training_memory
from tests.import_graph import ROOT
from tests.vpr.runs import PAIRS, SETTINGS

CPU = torch.device("cpu")

# Peak of a process beyond what it held before, and what was predicted. VmHWM is the process's own, where
# ru_maxrss begins with the peak of the one that started it.
MEASURE = """
import resource, sys, torch
from pathlib import Path
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.retrieval.memory_estimate import footprint, extraction_bytes, step_bytes
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
torch.set_num_threads(1)
keep_freed_memory()
learning, trainable, pictures = sys.argv[1] == "step", sys.argv[2], 8
network = build_network(NetworkSettings("resnet18conv4", "none", trainable, "netvlad", 64))
network.to(memory_format=torch.channels_last)
images = torch.randn(pictures, 3, 480, 640).contiguous(memory_format=torch.channels_last)
found = footprint(network.train(learning), images[:1], learning=learning)
weights = sum(value.nbytes for value in network.parameters() if value.requires_grad)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
for _ in range(3):
    with torch.set_grad_enabled(learning):
        descriptors = network(images)
    if learning:
        descriptors.sum().backward()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) * 1024 - before
predicted = step_bytes(found, pictures, weights) if learning else extraction_bytes(found, pictures)
print(peak, predicted)
"""


@pytest.mark.slow
@pytest.mark.parametrize("work", [("step", "all"), ("step", "late_layers"), ("extraction", "all")])
def test_what_is_predicted_holds_and_is_not_far_off(work: tuple[str, str]) -> None:
    command = [sys.executable, "-c", MEASURE, *work]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    peak, predicted = map(int, done.stdout.split())
    assert peak < 1.1 * predicted
    assert predicted < 3 * peak


def test_measuring_leaves_the_network_as_it_was() -> None:
    network = build_network(NetworkSettings("resnet18conv4", "none", "all", "netvlad", 4)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    require_training_memory(SETTINGS, network, 9, 90, CPU, "off", 1)
    found = memory_estimate.footprint(network.eval(), torch.randn(1, 3, 64, 64), learning=True)
    assert found.kept > found.passing > 0
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
    assert memory_estimate.footprint(network, torch.randn(1, 3, 64, 64), learning=False).kept == 0


def test_a_step_that_would_not_fit_is_refused_with_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(SETTINGS.network)
    require_training_memory(SETTINGS, network, 9, 90, CPU, "off", 1)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 10_000_000)
    with pytest.raises(DusklineError) as caught:
        require_training_memory(replace(SETTINGS, batch=50), network, 9, 90, CPU, "off", 1)
    assert "a step of 50 queries with 2 negatives at 48x48 would take about" in str(caught.value)
    assert "but 0.0 GB are free on cpu" in str(caught.value)
    assert "lower batch, negatives, height or width" in str(caught.value)


def test_a_step_of_pairs_is_refused_without_a_word_of_triplets(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(PAIRS.network)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 10_000_000)
    with pytest.raises(
        DusklineError, match="a step of 50 queries with their nights at 48x48 would take about"
    ) as caught:
        require_training_memory(replace(PAIRS, batch=50), network, 9, 90, CPU, "off", 1)
    assert "lower batch, height or width" in str(caught.value)


def test_mining_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(SETTINGS.network)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 2_000_000_000)
    with pytest.raises(DusklineError, match=r"mining among 1,000,008 descriptors of 1,024 dimensions"):
        many = replace(SETTINGS, negative_samples=1_000_000)
        require_training_memory(many, network, 9, 2_000_000, CPU, "off", 1)


def test_full_mining_counts_the_whole_database(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(SETTINGS.network)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 2_000_000_000)
    partial = replace(SETTINGS, mining="partial")
    require_training_memory(partial, network, 9, 1_000_000, CPU, "off", 1)
    full = replace(SETTINGS, mining="full")
    require_training_memory(full, network, 9, 50_000, CPU, "off", 1)
    with pytest.raises(
        DusklineError, match=r"1,000,004 descriptors of 1,024 dimensions would take about 20\.5 GB"
    ) as caught:
        require_training_memory(full, network, 9, 1_000_000, CPU, "off", 1)
    assert "set mining: partial" in caught.value.hint


@pytest.mark.parametrize(("queries", "database", "size"), [(10, 400, 1024), (100, 400, 16)])
def test_what_mining_is_said_to_take_is_what_it_takes(queries: int, database: int, size: int) -> None:
    tracemalloc.start()
    try:
        described = [np.zeros((count, size), np.float32) for count in (queries, database)]
        tracemalloc.reset_peak()
        mining._squared_distances(*described)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert memory_check._mining_bytes(queries, database, size) == pytest.approx(peak, rel=0.05)


def test_similar_places_that_would_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(PAIRS.network)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 2_000_000_000)
    require_training_memory(PAIRS, network, 1_000_000, 90, CPU, "off", 1)
    with pytest.raises(
        DusklineError, match=r"finding similar places among 1,000,000 descriptors of 1,024 dimensions"
    ) as caught:
        require_training_memory(replace(PAIRS, similar_places=3), network, 1_000_000, 90, CPU, "off", 1)
    assert "set similar_places: 1" in str(caught.value)


def test_descriptors_that_would_not_fit_are_refused_before_the_second_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = build_network(SETTINGS.network)
    monkeypatch.setattr(device_memory, "available_bytes", lambda _: 2_000_000_000)
    with pytest.raises(
        DusklineError, match=r"1,000,000 descriptors of 1,024 dimensions would take about 4\.1 GB"
    ):
        extract(network, lambda _: torch.zeros(3, 32, 32), 1_000_000, batch=2, device=CPU, workers=1)
