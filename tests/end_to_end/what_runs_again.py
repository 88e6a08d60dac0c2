"""What runs again after which edit, as it should be: written down by hand, apart from what dvc.yaml says.

`python -m tests.end_to_end.what_runs_again` writes the table of docs/what_runs_again.md. test_what_changed.py
holds all of it against DVC's own decisions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.files import write_text
from tests.import_graph import ROOT, is_only_docstring, project_modules
from tests.stage_rooms import EXEMPT, room_of, used_rooms

DOCUMENT = ROOT / "docs" / "what_runs_again.md"

# A project with at least one stage of every kind; values that DVC does not look into are left out.
PARAMS: dict[str, Any] = {
    "fetch": {"city": {"kind": "city", "seed": 7}},
    "sets": {"shards_above": 1000},
    "format": {
        "day": {"raw": "data/raw/city/pittsburgh", "form": "pittsburgh"},
        "tokyo": {"raw": "data/raw/city/tokyo247", "form": "tokyo247", "jpeg_quality": 90},
    },
    "image_lists": {
        "some_days": {"side": "day", "folder": "photographs/day"},
        "some_nights": {"side": "night", "folder": "photographs/night"},
    },
    "train_unit": {
        "own": {"day": "data/image_lists/day", "night": "data/image_lists/night", "iterations": 10}
    },
    "translate": {
        "night": {"day": "day", "checkpoint": "unit/weights/city.pt", "shorter_side": 96},
        "own_night": {"day": "day", "checkpoint": "models/unit/own.pt", "shorter_side": 96},
    },
    "photometric": {"dim": {"day": "day", "style": "classical"}},
    "merge": {"both": {"day": "day", "night": "night", "seed": 0}},
    "apart": {"far": {"dataset": "tokyo", "apart_from": "day", "radius": 25.0}},
    "select": {
        "tokyo_night": {
            "dataset": "tokyo",
            "corrections": "profiles/times_of_day/city_tokyo.csv",
            "expected": 0,
        }
    },
    "augmentations": {"day": {"dataset": "day", "changes": {"darker": {"jitter": {"brightness": 0.5}}}}},
    "train": {"dn": {"dataset": "both", "lr": 0.01, "augmentation": None}},
    "adapt": {"eyes": {"model": "dn", "dataset": "both", "lr": 0.01}},
    "asymmetric": {"eyes_on_dn": {"queries": "eyes", "database": "dn"}},
    "model_file": {"given": {"file": "archives/given.pt"}},
    "hub_local": {"others": {"repository": "hub", "entry": "model"}},
    "hub_github": {"theirs": {"repository": "somebody/places:main", "entry": "model"}},
    "experiment": {"dn": {"model": "dn", "radius": 25}, "others": {"model": "others", "radius": 25}},
    "test_sets": ["tokyo_night"],
    "headline": {"city": {"before": "dn", "after": "others"}},
    "report": {"megabytes": 15},
    "comparison": {"rows": {"II/dn/netvlad": "dn"}, "test_sets": {"tokyo_night": "tokyo_night"}},
    "statistics": {"day": {"images": 5}},
    "sheets": {"night": {"day": "day", "per_split": 1}},
    "compare": {"day": {"day": "day", "checkpoints": "unit/weights"}},
}

# Each stage of that project, with the stages whose output it reads.
READS: dict[str, list[str]] = {
    "fetch@city": [],
    "format@day": ["fetch@city"],
    "format@tokyo": ["fetch@city"],
    "image_lists@some_days": [],
    "image_lists@some_nights": [],
    "train_unit@own": ["image_lists@some_days", "image_lists@some_nights"],
    "translate@night": ["format@day"],
    "translate@own_night": ["format@day", "train_unit@own"],
    "photometric@dim": ["format@day"],
    "merge@both": ["format@day", "translate@night"],
    "apart@far": ["format@tokyo", "format@day"],
    "select@tokyo_night": ["format@tokyo"],
    "augmentations@day": ["format@day"],
    "train@dn": ["merge@both"],
    "adapt@eyes": ["merge@both", "train@dn"],
    "asymmetric@eyes_on_dn": ["adapt@eyes", "train@dn"],
    "model_file@given": [],
    "hub_local@others": [],
    "hub_github@theirs": [],
    "experiment@dn": ["train@dn"],
    "experiment@others": ["hub_local@others"],
    "evaluate@dn-tokyo_night": ["experiment@dn", "select@tokyo_night"],
    "evaluate@others-tokyo_night": ["experiment@others", "select@tokyo_night"],
    "tables": ["evaluate@dn-tokyo_night", "evaluate@others-tokyo_night"],
    "statistics@day": ["format@day"],
    "sheet@night": ["format@day", "translate@night"],
    "compare@day": ["format@day"],
    "report": [
        *("evaluate@dn-tokyo_night", "evaluate@others-tokyo_night"),
        *("augmentations@day", "compare@day", "sheet@night", "statistics@day"),
    ],
}

_WRITE_SETS = ("format", "translate", "photometric", "merge", "apart", "select")

# Sections of params.yaml of which an entry, or all of it, concerns more than the stage of its name.
SECTIONS: dict[str, tuple[str, ...]] = {
    "fetch": ("sheet", "compare"),  # where true nights are drawn
    "image_lists": ("train_unit",),
    "experiment": ("tables",),
}
# What shows every parameter.
SHOWS_ALL = ("report",)
# Sections that are no stage's own.
WHOLE_SECTIONS: dict[str, tuple[str, ...]] = {
    "sets": _WRITE_SETS,
    "comparison": ("tables",),
    "headline": ("tables",),
    "report": (),
}
# Sections whose entries stand as options in the command of their stage.
UNPACKED = (
    *("image_lists", "train_unit", "translate", "photometric", "merge", "apart", "select", "statistics"),
)
_STAGE_OF_SECTION = {"sheets": "sheet"}

# Files that are no module and no stage's output, and who reads them.
INPUTS: dict[str, tuple[str, ...]] = {
    "pipeline/datasets/registry/city.yaml": ("fetch@city",),
    "photographs/day/one.jpg": ("image_lists@some_days",),
    "photographs/night/one.jpg": ("image_lists@some_nights",),
    "unit/weights/city.pt": ("translate@night", "compare@day"),
    "unit/weights/another.pt": ("compare@day",),
    "profiles/times_of_day/city_tokyo.csv": ("select@tokyo_night",),
    "archives/given.pt": ("model_file@given",),
    "hub/hubconf.py": ("hub_local@others",),
    "pipeline/report/tables/paper.yaml": ("tables", "report"),
    "pipeline/report/page/templates/page.html": ("report",),
}
# What nothing depends on: documents, tests, machine settings, the registry's other entries.
NOTHING = (
    "README.md",
    "unit/weights/README.md",
    "Makefile",
    "duskline.local.yaml",
    "profiles/paper.yaml",
    "pipeline/datasets/registry/pitts30k.yaml",
    "tests/test_stage_graph.py",
)


def kind_of(stage: str) -> str:
    return stage.partition("@")[0]


def of_kinds(kinds: Iterable[str]) -> set[str]:
    """The stages of these kinds."""
    wanted = set(kinds)
    return {stage for stage in READS if kind_of(stage) in wanted}


def with_readers(stages: Iterable[str]) -> set[str]:
    """The stages and all that read from them, directly or by way of others."""
    found = set(stages)
    while True:
        more = {stage for stage, read in READS.items() if found.intersection(read)} - found
        if not more:
            return found
        found |= more


def runs_after_parameter(section: str, entry: str) -> set[str]:
    """The stages that run after an edit of `section`.`entry` in params.yaml."""
    if section in WHOLE_SECTIONS:
        return with_readers(of_kinds((*WHOLE_SECTIONS[section], *SHOWS_ALL)))
    own = {f"{_STAGE_OF_SECTION.get(section, section)}@{entry}"}
    return with_readers(own | of_kinds((*SECTIONS.get(section, ()), *SHOWS_ALL)))


def runs_after_room(room: str) -> set[str]:
    """The stages that run after an edit in a room: those that import any of its modules."""
    return with_readers(of_kinds(_users()[room]))


def rooms() -> dict[str, str]:
    """Every room that holds code, and its module that lies deepest."""
    modules = [module.as_posix() for module in project_modules() if not is_only_docstring(module)]
    deepest = sorted(modules, key=lambda module: module.count("/"))
    return {room_of(Path(module)): module for module in deepest}


def _users() -> dict[str, frozenset[str]]:
    users: dict[str, set[str]] = {room: set() for room in rooms()}
    for kind in map(kind_of, READS):
        for room in used_rooms(kind):
            users[room].add(kind)
    return {room: frozenset(kinds) for room, kinds in users.items()}


def table() -> str:
    """The document: which edit lets which kinds of stages run again."""
    lines = [
        "# What runs again after which edit",
        "",
        "Written by `python -m tests.end_to_end.what_runs_again`;"
        " `tests/end_to_end/test_what_changed.py` makes every one of these edits, for each parameter,"
        " input and room, and holds DVC to it.",
        "",
        "DVC compares contents: of code each byte counts, of params.yaml neither comments nor how a number is"
        " written. The order of entries counts only in sections whose entries become options of a command"
        f" ({', '.join(UNPACKED)}). What was run before with the same inputs comes from the run cache"
        " instead. Of a stage that runs, those that read its output, in dvc.yaml below it, run only if the"
        " output is another one.",
        "",
        "| edit | stages that run |",
        "|---|---|",
        "| an entry of a section that is not below | the stage of its name for that entry, report |",
        "| `stages/<stage>.py`, if it is not below | that stage |",
    ]
    lines += [
        _row(f"an entry of `{section}`", {section, *others, *SHOWS_ALL})
        for section, others in SECTIONS.items()
    ]
    lines += [
        _row(f"`{section}`", {*kinds, *SHOWS_ALL}) for section, kinds in WHOLE_SECTIONS.items() if kinds
    ]
    lines.append("| another set in `test_sets` | evaluate, tables, report (of that set) |")
    by_users: dict[frozenset[str], list[str]] = defaultdict(list)
    for file, stages in INPUTS.items():
        if room_of(Path(file)) not in rooms():
            by_users[frozenset(map(kind_of, stages))].append(file)
    for room, kinds in _users().items():
        if {room} != {f"stages/{kind}.py" for kind in kinds}:
            by_users[kinds].append(room)
    for kinds, edited in sorted(by_users.items(), key=lambda pair: (len(pair[0]), sorted(pair[0]))):
        if kinds:
            lines.append(_row(", ".join(f"`{path}`" for path in edited), set(kinds)))
    exempt = ", ".join(f"`{place}`" for place in EXEMPT if place in rooms())
    lines += [
        "",
        "Nothing runs after edits of documents, tests, profiles that are not params.yaml, a `DUSKLINE_*`"
        " variable, `duskline.local.yaml` or commands for people, nor of code that changes no output:"
        f" {exempt}.",
        "",
    ]
    return "\n".join(lines)


def _row(edit: str, kinds: set[str]) -> str:
    order = list(dict.fromkeys(map(kind_of, READS)))
    return f"| {edit} | {', '.join(kind for kind in order if kind in kinds)} |"


if __name__ == "__main__":
    write_text(DOCUMENT, table())
