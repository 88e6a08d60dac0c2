"""Actors of a pretended cluster: their memory, losses, no place; real ones in tests/night and tests/vpr."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.compute.resources import actors
from pipeline.compute.resources.actors import Actor, Actors, _last_line
from pipeline.compute.resources.cluster import Needs
from pipeline.compute.resources.worker_pool import Introduction, WorkerPool
from pipeline.runtime.errors import DusklineError


class RayError(Exception):
    """What Ray raises for an actor that is gone."""


class PretendedRay:
    """A cluster of one node, in this process. Of its actors the first `lost` are gone at their first task."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=KeyError, ActorUnavailableError=OSError)

    def __init__(self, lost: int, **offered: float) -> None:
        self.asked: list[dict[str, Any]] = []
        self._offered, self._lost, self._looks = offered, lost, 0

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": "here", "Alive": True, "Resources": self._offered}]

    def remote(self, kind: Callable[[], Actor]) -> Any:
        assert kind is Actor
        return SimpleNamespace(options=self._options)

    def _options(self, **options: Any) -> Any:
        self.asked.append(options)
        return SimpleNamespace(remote=lambda: self._actor(len(self.asked), options))

    def _actor(self, number: int, options: dict[str, Any]) -> Any:
        actor = Actor()
        fits = options.get("memory", 0) <= self._offered["memory"]

        def method(call: Callable[..., Any], *, gone: bool = False) -> Any:
            return SimpleNamespace(remote=lambda *given: Answer(lambda: call(*given), fits, gone))

        return SimpleNamespace(build=method(actor.build), do=method(actor.do, gone=number <= self._lost))

    def wait(self, answers: list[Answer], *, num_returns: int, timeout: float) -> Any:  # noqa: ARG002
        self._looks += 1
        assert self._looks < 100_000, "waited in vain"
        return [answer for answer in answers if answer.comes][:num_returns], []

    def get(self, answer: Answer) -> Any:
        if answer.gone:
            raise RayError("The actor is dead.")
        return answer.of()

    def kill(self, actor: Any) -> None:
        assert actor is not None


class Answer:
    def __init__(self, of: Callable[[], Any], comes: bool, gone: bool) -> None:
        self.of, self.comes, self.gone = of, comes, gone


class Doubling:
    def __init__(self, memory: int) -> None:
        self.introduction = Introduction("doubles", held=memory // 2, task=memory // 2)

    def __call__(self, task: int) -> int:
        return 2 * task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actors, "_TICK", 0.0)
    monkeypatch.setattr(actors, "_PATIENCE", 0.1)
    monkeypatch.setattr(actors, "_node", lambda: "here")


@pytest.mark.parametrize(("node", "again"), [("here", 3), ("gone", 2)])
def test_tasks_of_lost_actors_are_done_by_new_ones_that_claim_their_memory(
    monkeypatch: pytest.MonkeyPatch, node: str, again: int
) -> None:
    """One actor more, where the node is there and a task is suspected, so that it is tried alone."""
    monkeypatch.setattr(actors, "_node", lambda: node)
    ray = PretendedRay(lost=2, CPU=2.0, memory=5e9)
    crew = Actors(ray, lambda: Doubling(2_000_000_000), Needs(1), threads=1)
    with WorkerPool(crew) as pool:
        assert sorted(pool.run(range(6))) == [(task, 2 * task) for task in range(6)]
    assert [options.get("memory") for options in ray.asked] == [None, 2_000_000_000, *[2_000_000_000] * again]


def test_a_lost_actor_in_whose_place_no_node_can_take_another_is_an_error_not_a_wait() -> None:
    ray = PretendedRay(lost=1, CPU=2.0, memory=5e9)
    with (
        pytest.raises(DusklineError, match=r"no node with 1 processor and 6\.0 GB of memory for ") as caught,
        WorkerPool(Actors(ray, lambda: Doubling(6_000_000_000), Needs(1), threads=1)) as pool,
    ):
        list(pool.run(range(6)))
    assert "run the same command again" in caught.value.hint


def test_of_what_ray_says_of_a_loss_the_last_line_is_told() -> None:
    said = "The actor died.\n\tpid: 7\n\x1b[36mThe node\x1b[39m was terminated.\n   ^^^^^\n\n"
    assert _last_line(RuntimeError(said)) == "The node was terminated."
    assert _last_line(RuntimeError("")) == "RuntimeError"
    assert len(_last_line(RuntimeError("x" * 1000))) == 200
