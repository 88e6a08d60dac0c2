"""Tasks among workers that die, of a crew in this process; with real ones in tests/night and tests/vpr."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from pipeline.compute.resources.worker_pool import Died, Introduction, WorkerPool, _Queue
from pipeline.runtime.errors import DusklineError

DOUBLES = Introduction("doubles", ahead=2)
DEATH = Died("it fell")


@dataclass(eq=False)
class Doubler:
    number: int
    introduction: Introduction | None = None
    tasks: list[int] = field(default_factory=list)

    def give(self, task: int) -> None:
        self.tasks.append(task)


@dataclass
class Doublers:
    """A crew of `most` that double numbers; `deadly` ones kill, each so often as it says."""

    most: int = 2
    introduction: Introduction = DOUBLES
    deadly: dict[int, int] = field(default_factory=dict)
    death: Died = DEATH
    stillborn: int = 0
    started: int = 0
    ended: list[int] = field(default_factory=list)
    beginnings: list[tuple[int, int]] = field(default_factory=list)
    alive: int = 0

    def room(self, first: Introduction) -> int:
        assert first == self.introduction
        return self.most

    def start(self) -> Doubler:
        self.started += 1
        self.alive += 1
        return Doubler(self.started)

    def hear(
        self, workers: Sequence[Doubler]
    ) -> Iterator[tuple[Doubler, Introduction | Died | tuple[int, int]]]:
        for worker in list(workers):
            if worker.introduction is None:
                self.stillborn -= 1
                yield worker, self.introduction if self.stillborn < 0 else self.death
            elif worker.tasks:
                task = worker.tasks[0]
                self.beginnings.append((worker.number, task))
                if self.deadly.get(task, 0) > 0:
                    self.deadly[task] -= 1
                    yield worker, self.death
                else:
                    yield worker, (worker.tasks.pop(0), 2 * task)

    def end(self, workers: Sequence[Doubler]) -> None:
        self.alive -= len(workers)
        self.ended += [worker.number for worker in workers]


def run(crew: Doublers, tasks: Sequence[int]) -> dict[int, int | Died]:
    with WorkerPool(crew) as pool:
        pool.introduction()
        found = list(pool.run(tasks))
    assert sorted(task for task, _ in found) == sorted(tasks)
    assert crew.alive == 0
    return dict(found)


def test_no_more_workers_are_started_than_there_are_tasks() -> None:
    crew = Doublers(most=5)
    assert run(crew, range(3)) == {0: 0, 1: 2, 2: 4}
    assert crew.started == 3


def test_a_task_that_kills_once_is_done_at_the_end_by_a_fresh_worker_with_nothing_else_to_do() -> None:
    crew = Doublers(deadly={3: 1})
    assert run(crew, range(10)) == {task: 2 * task for task in range(10)}
    # Each of the others is begun once, also the one that the dead worker had besides.
    assert sorted(task for _, task in crew.beginnings) == sorted([*range(10), 3])
    assert crew.beginnings[-1] == (crew.started, 3)


def test_a_task_that_kills_twice_has_its_end_as_its_answer_and_the_others_are_done() -> None:
    crew = Doublers(deadly={3: 9, 7: 9})
    found = run(crew, range(10))
    assert found == {task: DEATH if task in (3, 7) else 2 * task for task in range(10)}
    assert crew.deadly == {3: 7, 7: 7}


def test_all_that_a_worker_may_be_at_work_on_is_tried_one_at_a_time() -> None:
    crew = Doublers(most=1, introduction=Introduction("doubles", ahead=4, at_once=4), deadly={0: 2})
    found = run(crew, range(8))
    assert found == {task: DEATH if task == 0 else 2 * task for task in range(8)}
    # The first four at the end, in their order; the cause kills once more, and another worker does the rest.
    assert crew.beginnings[-4:] == [(3, 0), (4, 1), (4, 2), (4, 3)]


def test_no_task_is_blamed_for_a_machine_that_is_lost() -> None:
    crew = Doublers(deadly={3: 9}, death=Died("its node died", by_machine=True))
    assert run(crew, range(10)) == {task: 2 * task for task in range(10)}
    crew = Doublers(deadly={3: 99}, death=crew.death)
    with pytest.raises(DusklineError, match="10 workers in a row died"):
        run(crew, range(10))


def test_workers_that_die_before_they_are_ready_are_an_error_after_ten() -> None:
    assert run(Doublers(stillborn=9), [1]) == {1: 2}
    with pytest.raises(DusklineError, match=r"10 workers in a row died.*: it fell") as caught:
        run(Doublers(stillborn=10), [1])
    assert caught.value.message.splitlines()[1:] == ["    nothing yet"] * 10


def test_when_everything_kills_the_run_ends_and_says_over_what() -> None:
    crew = Doublers(most=1, deadly=dict.fromkeys(range(10, 100), 9))
    with pytest.raises(DusklineError, match="10 workers in a row died") as caught:
        run(crew, range(100))
    assert [int(line) for line in caught.value.message.splitlines()[1:]] == [*range(10, 20)]
    assert "DUSKLINE_WORKERS" in caught.value.hint


def test_nine_in_a_row_are_nine_answers() -> None:
    crew = Doublers(most=1, deadly=dict.fromkeys(range(10, 19), 9))
    found = run(crew, range(19))
    assert [task for task, answer in found.items() if answer == DEATH] == [*range(10, 19)]


def test_a_pool_that_has_lost_workers_goes_on_with_the_next_tasks() -> None:
    crew = Doublers(deadly={1: 9})
    with WorkerPool(crew) as pool:
        assert dict(pool.run(range(3))) == {0: 0, 1: DEATH, 2: 4}
        assert dict(pool.run(range(3, 6))) == {3: 6, 4: 8, 5: 10}


def test_workers_that_differ_are_refused() -> None:
    class Differing(Doublers):
        def start(self) -> Doubler:
            self.introduction = Introduction(f"number {self.started}")
            return super().start()

        def room(self, first: Introduction) -> int:
            return 2 if first else 0

    with pytest.raises(
        DusklineError, match="two workers would give different results: number 0 and number 1"
    ):
        run(Differing(), range(9))


def test_what_a_worker_may_have_died_over_is_told_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    run(Doublers(deadly={3: 1}), range(5))
    assert caplog.messages == [
        "a worker died, perhaps because of 3, which is tried again at the end: it fell"
    ]


def test_tasks_that_came_back_are_given_out_first_and_in_their_order() -> None:
    queue = _Queue("abcdef")
    assert queue.left(2) == 2
    lost = [queue.take() for _ in range(2)]
    queue.give_back(lost)
    assert "".join(queue.take() for _ in range(2)) == "ab"


def test_of_fresh_tasks_as_many_are_looked_at_as_are_asked_for() -> None:
    fresh = iter("abc")
    queue = _Queue(fresh)
    assert not queue.is_empty
    assert queue.left(1) == 1
    assert list(fresh) == ["b", "c"]
    assert queue.left(5) == 1
