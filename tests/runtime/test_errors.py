from __future__ import annotations

import pickle

import pytest

from pipeline.runtime import errors
from pipeline.runtime.errors import DusklineError, InterruptedRunError, UserError, listed

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DusklineError)]


def test_the_hint_stands_below_the_message() -> None:
    assert str(DusklineError("no such file: a")) == "no such file: a"
    assert str(DusklineError("no such file: a", hint="make it")) == "no such file: a\n  make it"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_crosses_processes_whole(kind: type[DusklineError]) -> None:
    again = pickle.loads(pickle.dumps(kind("message", hint="hint")))
    assert type(again) is kind
    assert (again.message, again.hint, str(again)) == ("message", "hint", "message\n  hint")


def test_the_exit_code_tells_the_users_mistakes_from_faults() -> None:
    codes = {kind.__name__: kind("x").exit_code for kind in KINDS}
    assert codes.pop("InterruptedRunError") == InterruptedRunError.exit_code == 130
    for kind in KINDS:
        if kind is not InterruptedRunError:
            assert codes[kind.__name__] == (2 if issubclass(kind, UserError) else 1)
    assert {"ParameterError", "MissingInputError", "CheckpointError", "StageRunningError"} <= {
        kind.__name__ for kind in KINDS if issubclass(kind, UserError)
    }


@pytest.mark.parametrize(
    ("count", "shown", "expected"),
    [
        (0, 2, ""),
        (1, 2, "\n    0"),
        (2, 2, "\n    0\n    1"),
        (3, 2, "\n    0\n    1\n    and 1 more"),
        (1_500, 1, "\n    0\n    and 1,499 more"),
    ],
)
def test_the_first_are_listed_and_the_rest_counted(count: int, shown: int, expected: str) -> None:
    assert listed((str(number) for number in range(count)), shown) == expected


def test_twenty_are_listed_where_nothing_else_is_said() -> None:
    assert listed(map(str, range(21))).endswith("\n    19\n    and 1 more")
