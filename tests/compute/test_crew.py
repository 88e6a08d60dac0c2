"""The order of tasks that come back, and what is told of a loss; real losses in tests/night and tests/vpr."""

from __future__ import annotations

from pipeline.compute.crew import _last_line, _Queue


def test_tasks_that_came_back_are_given_out_first_and_in_their_order() -> None:
    queue = _Queue("abcdef")
    lost = [queue.take() for _ in range(3)]
    assert queue.give_back(lost[1:]) is None
    assert "".join(queue.take() for _ in range(5)) == "bcdef"
    assert queue.is_empty


def test_a_task_that_is_lost_three_times_is_named_and_its_neighbours_are_not() -> None:
    queue = _Queue("ab")
    for _ in range(2):
        assert queue.give_back([queue.take()]) is None
    assert queue.give_back([queue.take(), queue.take()]) == "a"


def test_of_fresh_tasks_one_is_looked_at_and_no_more() -> None:
    fresh = iter("abc")
    queue = _Queue(fresh)
    assert not queue.is_empty
    assert not queue.is_empty
    assert list(fresh) == ["b", "c"]


def test_of_what_ray_says_of_a_loss_the_last_line_is_told() -> None:
    said = "The actor died.\n\tpid: 7\n\x1b[36mThe node\x1b[39m was terminated.\n   ^^^^^\n\n"
    assert _last_line(RuntimeError(said)) == "The node was terminated."
    assert _last_line(RuntimeError("")) == "RuntimeError"
    assert len(_last_line(RuntimeError("x" * 1000))) == 200
