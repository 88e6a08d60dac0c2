from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.doctor.findings import Finding, NoAnswerError, ask_process, fault, findings_of, ok


def test_the_grade_stands_first_in_words() -> None:
    assert ok("one").line("gpu") == "ok       gpu          one"
    assert fault("none", "fix it").line("gpu").splitlines() == [
        "fault    gpu          none",
        "                      -> fix it",
    ]


def test_a_check_that_breaks_says_so_and_the_others_go_on() -> None:
    def breaks() -> Iterator[Finding]:
        yield ok("half of it")
        raise RuntimeError("disk on fire\nand more")

    found = list(findings_of([("first", breaks), ("second", lambda: [ok("well")])]))
    assert [subject for subject, _ in found] == ["first", "first", "second"]
    assert found[1][1].grade == "fault"
    assert found[1][1].found == "this check failed: RuntimeError: disk on fire"


def test_a_process_answers() -> None:
    assert ask_process("-c", "print('yes')", seconds=60) == "yes"


@pytest.mark.parametrize(
    ("code", "seconds", "reason"),
    [
        ("raise ValueError('broken')", 60, "ValueError: broken"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 60, "exit code -11"),
        ("import time; time.sleep(60)", 0.5, "no answer within 0.5 s"),
    ],
)
def test_a_process_that_fails_dies_or_hangs_says_why(code: str, seconds: float, reason: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        ask_process("-c", code, seconds=seconds)
    assert str(caught.value) == reason
