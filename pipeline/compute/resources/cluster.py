"""A Ray cluster and what its nodes can hold. Only this module imports Ray, and only when it is needed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.runtime.errors import DusklineError, ParameterError

# Seconds to wait for an answer from the cluster's address.
_KNOCKING = 10


@dataclass(frozen=True)
class Needs:
    """What one actor needs from its node: processors, GPUs, bytes of memory (0 to reserve none)."""

    processors: int
    gpus: int = 0
    memory: int = 0

    def room(self, offered: Mapping[str, float]) -> int:
        """How many such actors a node can hold, by the resources that Ray says it has."""
        wanted = {"CPU": self.processors, "GPU": self.gpus, "memory": self.memory}
        return min(int(offered.get(name, 0) // amount) for name, amount in wanted.items() if amount)

    def __str__(self) -> str:
        """What a node must have, in words."""
        what = "a GPU" if self.gpus else f"{self.processors} processor{'s' if self.processors > 1 else ''}"
        return f"{what} and {self.memory / 1e9:.1f} GB of memory" if self.memory else what


@contextlib.contextmanager
def joined() -> Iterator[Any]:
    """Yield the module `ray`, connected for the block, unless this process is connected already.

    It connects to the cluster in `RAY_ADDRESS`, else to the one that this machine belongs to, else to a new
    one that ends with the block. `ParameterError` without Ray, `DusklineError` without a cluster.
    """
    with _own_signals():
        ray = _ray()
        own = not ray.is_initialized()
        if own:
            _join(ray)
    try:
        yield ray
    finally:
        if own:
            ray.shutdown()


def room(ray: Any, needs: Needs) -> int:
    """How many actors the current nodes can hold, if they had no other actors."""
    return sum(needs.room(node["Resources"]) for node in ray.nodes() if node["Alive"])


def is_alive(ray: Any, node: str) -> bool:
    """Whether the node with this id is alive."""
    return any(known["NodeID"] == node and known["Alive"] for known in ray.nodes())


def most_processors(ray: Any) -> int:
    """The processors of the node that has the most; at least 1."""
    offered = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    return max(1, int(max(offered, default=1)))


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ParameterError(
            f"the engine is ray, which cannot be imported here: {error}",
            hint="pip install duskline[cluster], or set DUSKLINE_ENGINE=local",
        ) from error
    return ray


def _join(ray: Any) -> None:
    try:
        _knock(os.environ.get("RAY_ADDRESS", ""))
        # Output of actors would mix with ours; their errors are reported here.
        ray.init(log_to_driver=False, logging_level="warning")
    except (OSError, RuntimeError, ValueError) as error:
        raise DusklineError(
            f"could not connect to a Ray cluster: {error}",
            hint="start one (`ray start --head` or `ray up`, see docs/cluster.md), or correct RAY_ADDRESS",
        ) from error


def _knock(address: str) -> None:
    """Raise `OSError` if nothing listens at `host:port`; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), _KNOCKING).close()
        except OSError as error:
            raise ConnectionError(f"{address} does not answer ({error.strerror or error})") from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our handler of SIGTERM: Ray would replace it with its own."""
    before = signal.getsignal(signal.SIGTERM)
    came = False
    try:
        yield
    except SystemExit as error:
        # Raised by Ray if the signal comes while it connects.
        came = error.code == signal.SIGTERM
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
        if came:
            signal.raise_signal(signal.SIGTERM)
