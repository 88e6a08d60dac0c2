from __future__ import annotations

from collections.abc import Iterator

from pipeline.vpr.results.predictions import Prediction
from pipeline.vpr.results.query_results import SHOWN, QueryResult, examples_first, query_results, worst_first


def found(query: str, right: set[int], off: float = 100.0, count: int = 8) -> Iterator[Prediction]:
    for rank in range(1, count + 1):
        metres = 3.0 if rank in right else off
        yield Prediction(query, rank, f"d{rank}", metres, 0.25 * rank, rank in right, 1.0, 2.0, 3.0, 4.0)


def answer(query: str, first_right: int | None, off: float = 100.0) -> QueryResult:
    (one,) = query_results(found(query, {first_right} if first_right else set(), off))
    return one


def names(answers: list[QueryResult]) -> list[str]:
    return [one.query for one in answers]


def test_an_answer_keeps_the_first_finds_and_the_first_right_rank_of_all() -> None:
    one, other = query_results([*found("b", {7, 8}), *found("a", set(), count=2)])
    assert (one.query, one.first_right, one.right, len(one.found)) == ("b", 7, False, SHOWN)
    assert (other.query, other.first_right, len(other.found)) == ("a", None, 2)
    assert list(other.found) == list(found("a", set(), count=2))


def test_right_is_the_first_find() -> None:
    assert [answer("q", rank).right for rank in (1, 2, None)] == [True, False, False]


def test_worst_is_who_finds_last_then_who_is_sent_farthest_then_by_name() -> None:
    answers = [
        answer("right", 1),
        answer("late", 5),
        answer("b", None, 300),
        answer("never", None, 900),
        answer("a", None, 300),
        answer("soon", 2, 5000),
    ]
    assert names(worst_first(answers)) == ["never", "a", "b", "late", "soon", "right"]


def test_of_four_that_tell_most_one_is_right() -> None:
    wrong = [answer(f"w{number}", None, 1000 - number) for number in range(6)]
    right = [answer(f"r{number}", 1) for number in range(4)]
    told = names(examples_first([*right, *wrong]))
    assert [name for name in told if name[0] == "w"] == names(wrong)
    assert [name[0] for name in told] == list("wwwrwwwrrr")
    assert sorted(told) == sorted(names([*right, *wrong]))


def test_which_right_ones_are_told_first_depends_on_their_names_alone() -> None:
    right = [answer(f"r{number}", 1) for number in range(20)]
    told = names(examples_first(right))
    assert told != names(right)
    others = [answer(f"r{number}", 1 if number % 2 else None) for number in range(20)]
    again = [name for name in names(examples_first(others)) if int(name[1:]) % 2]
    assert again == [name for name in told if int(name[1:]) % 2]
