"""A real Ray cluster on this machine: nodes of one processor each, of which some may be taken away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_STORE = 80 * 2**20


class TwoNodes:
    """A head node and another one; `address` is what RAY_ADDRESS names."""

    def __init__(self) -> None:
        # Imported here, for that takes a second.
        from ray.cluster_utils import Cluster

        self._cluster: Any = Cluster()
        self._cluster.add_node(num_cpus=1, object_store_memory=_STORE, include_dashboard=False)
        self.address: str = self._cluster.address
        self._others: list[Any] = []
        self.add_node()

    def add_node(self, **resources: float) -> None:
        """Let another node come."""
        node = {"num_cpus": 1, "object_store_memory": _STORE} | resources
        self._others.append(self._cluster.add_node(**node))

    @property
    def nodes(self) -> int:
        """How many there are."""
        return 1 + len(self._others)

    def lose_node(self) -> None:
        """Kill the node that came last, with all that runs on it."""
        self._cluster.remove_node(self._others.pop(), allow_graceful=False)

    def actors(self) -> list[int]:
        """Process ids of the actors that run on its nodes; on this machine others may have clusters too."""
        raylets = {
            process.process.pid
            for node in self._cluster.list_all_nodes()
            for process in node.all_processes["raylet"]
        }
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                # Ray names a process after the actor in it.
                named = (status.parent / "cmdline").read_bytes().startswith(b"ray::Actor")
                if parent in raylets and named:
                    found.append(int(status.parent.name))
        return sorted(found)

    def end(self) -> None:
        self._cluster.shutdown()


@contextlib.contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """Give a cluster for the block, which this process and those that it starts will join."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = TwoNodes()
        patched.setenv("RAY_ADDRESS", cluster.address)
        try:
            yield cluster
        finally:
            cluster.end()
