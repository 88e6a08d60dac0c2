"""Room in a cluster, and clusters that cannot be joined; with real ones in the rooms that work by them."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.compute.resources.cluster import Needs, joined, most_processors, room
from pipeline.runtime.errors import DusklineError
from tests.free_port import free_port
from tests.import_graph import ROOT
from tests.ray_cluster import two_nodes


def cluster_of(*nodes: tuple[bool, dict[str, float]]) -> Any:
    return SimpleNamespace(nodes=lambda: [{"Alive": alive, "Resources": offered} for alive, offered in nodes])


NODES = cluster_of(
    (True, {"CPU": 8.0, "GPU": 2.0, "memory": 20e9}),
    (True, {"CPU": 3.0, "memory": 100e9}),
    (True, {"memory": 1e9}),
    (False, {"CPU": 64.0, "GPU": 8.0, "memory": 500e9}),
)


@pytest.mark.parametrize(
    ("needs", "actors"),
    [
        (Needs(1), 11),
        (Needs(2), 5),
        (Needs(1, gpus=1), 2),
        (Needs(1, memory=5_000_000_000), 4 + 3),
        (Needs(9), 0),
    ],
)
def test_room_is_that_of_the_scarcest_on_each_node_that_is_there(needs: Needs, actors: int) -> None:
    assert room(NODES, needs) == actors


def test_the_largest_node_is_found() -> None:
    assert most_processors(NODES) == 8
    assert most_processors(cluster_of((True, {}))) == 1


def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    with (
        pytest.raises(DusklineError, match=r"could not connect to a Ray cluster: .*127\.0\.0\.1") as caught,
        joined(),
    ):
        pass
    assert "RAY_ADDRESS" in caught.value.hint


def test_an_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(DusklineError, match=r"could not connect to a Ray cluster: .*nonsense"), joined():
        pass


@pytest.mark.slow
def test_the_end_of_a_process_stays_its_own_way_in_a_cluster() -> None:
    script = (
        "import signal\nfrom pipeline.compute.resources.cluster import joined\n"
        "def ours(*_): pass\n"
        "signal.signal(signal.SIGTERM, ours)\n"
        "with joined() as ray:\n"
        "    assert ray.is_initialized() and signal.getsignal(signal.SIGTERM) is ours\n"
        "assert not ray.is_initialized() and signal.getsignal(signal.SIGTERM) is ours\n"
    )
    with two_nodes():
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_being_ended_while_joining_is_answered_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own answer to SIGTERM, which it gives as long as it connects, is to exit with its number."""
    heard = []
    monkeypatch.setattr(
        "pipeline.compute.resources.cluster._ray", lambda: SimpleNamespace(is_initialized=lambda: False)
    )
    monkeypatch.setattr("pipeline.compute.resources.cluster._join", lambda _ray: sys.exit(signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("ours"))
    try:
        with pytest.raises(SystemExit), joined():
            pass
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["ours"]
