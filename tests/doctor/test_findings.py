from __future__ import annotations

from collections.abc import Iterator

from pipeline.doctor.findings import Answer, Check, Finding, ask_process, findings_of


def test_the_grade_stands_first_in_words() -> None:
    assert str(Finding("gpu", "ok", "one")) == "ok       gpu          one"
    assert str(Finding("gpu", "fault", "none", "mend it")).splitlines() == [
        "fault    gpu          none",
        "                      -> mend it",
    ]


def test_a_check_that_breaks_says_so_and_the_others_go_on() -> None:
    def breaks() -> Iterator[Finding]:
        yield Finding("first", "ok", "half of it")
        raise RuntimeError("disk on fire\nand more")

    checks = [Check("first", breaks), Check("second", lambda: [Finding("second", "ok", "well")])]
    found = list(findings_of(checks))
    assert [finding.subject for finding in found] == ["first", "first", "second"]
    assert found[1].grade == "fault"
    assert found[1].found == "this check broke down: RuntimeError: disk on fire"


def test_a_process_answers() -> None:
    assert ask_process(["-c", "print('yes')"], 60) == Answer("yes")


def test_a_process_that_fails_gives_its_last_words() -> None:
    assert ask_process(["-c", "raise ValueError('broken')"], 60).reason == "ValueError: broken"


def test_a_process_that_dies_gives_its_end() -> None:
    died = ask_process(["-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"], 60)
    assert died.reason == "it ended with -11"


def test_a_process_that_hangs_is_given_up() -> None:
    assert ask_process(["-c", "import time; time.sleep(60)"], 0.5).reason == "no answer within 0.5 s"
