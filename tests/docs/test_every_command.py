"""Each command that the pages name is run by some test, or stands here with the reason why it is not.

Blocks say themselves which they are (`pages.py`), and test_commands.py runs those that are to be run. Here
are the commands in the text, and the benchmarks, which tests/benchmarks runs on less than the pages say.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from pipeline.core.image_io import read_rgb
from pipeline.night.comparison.image_metrics import psnr
from tests.benchmarks.test_tiny_runs import RUNS, run_elsewhere
from tests.docs.pages import Page, pages
from tests.docs.typed import Typed, typed_in, typed_on
from tests.docs.walk import Walk
from tests.import_graph import ROOT

# Run here in a copy of the project, in this order.
IN_THE_TEXT = """
eval "$(duskline completion bash)"
duskline stage format --name city_xs --debug
python -c 'import timm; print(*timm.list_models())'
python -m docs.draw_city_picture
python -m tests.parameters_page
python -m tests.stage_rooms
python -m tests.end_to_end.what_runs_again
dvc metrics show
dvc metrics diff --md
dvc plots show
dvc plots diff
dvc repro --force format@city_xs
dvc repro --keep-going
dvc checkout --force --relink
dvc gc --workspace <<< y
duskline share ../remote_of_the_text
dvc status --cloud
dvc push
dvc repro --pull
dvc gc -w -c <<< y
dvc remote remove shared
"""
# Not run as they stand, with the test that does the same or the reason.
NOT_RUN = {
    "duskline pin --replace": "needs archives; tests/stages/test_sources.py pins a made-up one",
    "make PYTHON=python3.11 demo": "installs again; `make demo` is run with the environment that is there",
    "python -m pytest": "these are the tests",
    "make check": ".ci/run does",
    "make test-slow": "these are the tests",
    "make test-long": "these are the tests",
}


def known() -> dict[str, list[Typed]]:
    """What is run, and what is not: by how that is known, the commands."""
    written = [typed for page in pages() for typed in typed_on(page)]
    listed = [list(typed_in(text, "NOT_RUN")) for text in NOT_RUN]
    return {
        "blocks": [typed for typed in written if typed.mark],
        "text": list(typed_in(IN_THE_TEXT, "IN_THE_TEXT")),
        "not run": [typed for found in listed for typed in found],
    }


@cache
def accounted() -> tuple[Typed, ...]:
    return tuple(typed for found in known().values() for typed in found)


def is_accounted(typed: Typed) -> bool:
    benchmark = re.fullmatch(r"python benchmarks\.(\w+)", " ".join(typed.words))
    if benchmark:
        return benchmark[1] in RUNS or run_elsewhere(benchmark[1])
    return any(typed.is_part_of(other) for other in accounted())


@pytest.mark.parametrize("name", [page.name for page in pages()])
def test_every_command_is_run_or_says_why_not(name: str) -> None:
    missing = [f"{one.where}: {one.text}" for one in typed_on(Page.read(name)) if not is_accounted(one)]
    assert not missing, (
        "no test runs these. Put them into a block marked `run` or into IN_THE_TEXT; where that cannot be,"
        " into NOT_RUN with the reason; and a benchmark into tests/benchmarks/test_tiny_runs.py:\n"
        + "\n".join(missing)
    )


def test_a_command_that_nothing_runs_is_found() -> None:
    lines = ("Try `dvc repro --force-downstream`, or `A=1 python -m benchmarks.nothing --all`.",)
    found = list(typed_on(Page("docs/made_up.md", lines)))
    assert [(one.words, sorted(one.options)) for one in found] == [
        (("dvc", "repro"), ["--force-downstream"]),
        (("python", "benchmarks.nothing"), ["--all"]),
    ]
    assert [is_accounted(one) for one in found] == [False, False]


def test_commands_are_found_wherever_they_stand() -> None:
    text = 'cd a && dvc exp run -n half > log; eval "$(duskline completion bash)"\nmake X=1 demo | head -n 2'
    assert [(one.words, sorted(one.options)) for one in typed_in(text, "")] == [
        (("dvc", "exp", "run"), ["-n"]),
        (("make", "demo"), []),
        (("duskline", "completion"), []),
    ]


def test_nothing_is_listed_that_no_page_names() -> None:
    named = [one for page in pages() for one in typed_on(page)]
    idle = [
        listed.text
        for listed in known()["not run"]
        if not any(one.words[: len(listed.words)] == listed.words for one in named)
    ]
    assert not idle, "not in any page any more; take them out of NOT_RUN"


def test_the_test_that_runs_a_command_knows_it() -> None:
    for text, reason in NOT_RUN.items():
        (listed,) = typed_in(text, "")
        for path in re.findall(r"tests/[\w/.]+\w", reason):
            source = (ROOT / path).read_text()
            assert all(word in source for word in (*listed.words[1:], *listed.options)), f"{text}: {path}"


@pytest.mark.slow
def test_what_the_text_tells_to_type_can_be_typed(walk: Walk) -> None:
    for command in IN_THE_TEXT.strip().splitlines():
        walk.bash(command, walk.project.root, where="IN_THE_TEXT")
    # The image that it draws is the one that is shown.
    name = "docs/city_day_night.jpg"
    drawn, shown = (read_rgb((root / name).read_bytes(), label=name) for root in (walk.project.root, ROOT))
    assert psnr(drawn, shown) > 40
