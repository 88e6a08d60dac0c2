"""Each parameter, input and room is edited; just the stages that depend on it are to run again.

DVC alone decides here, over the whole graph: the outputs are placeholders, and no stage is run.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.project import Project, copy_project
from tests.end_to_end.what_runs_again import (
    DOCUMENT,
    INPUTS,
    NOTHING,
    PARAMS,
    READS,
    UNPACKED,
    rooms,
    runs_after_parameter,
    runs_after_room,
    table,
    with_readers,
)

pytestmark = pytest.mark.slow


class Decisions:
    """What DVC would run in a project whose outputs are all there and committed."""

    def __init__(self, project: Project) -> None:
        from dvc.repo import Repo

        self.root = project.root
        self.repo = Repo(str(project.root))

    def runs(self) -> set[str]:
        """The stages with a change, and all that depend on them: `dvc status`, and what it leaves out.

        Of `dvc status` this is the part that compares: it also reads dvc.yaml again, for a second each time.
        """
        from networkx import ancestors

        graph = self.repo.index.graph
        with self.repo.lock:
            changed = [stage for stage in graph if stage.status(check_updates=True)]
        # DVC's edges lead from a stage to those that it depends on.
        readers = {reader.name for stage in changed for reader in ancestors(graph, stage)}
        return readers | {stage.name for stage in changed}

    def after(self, path: str, content: bytes) -> set[str]:
        """The same with another content of one file, which then gets its own again."""
        with self.edited({path: content}):
            return self.runs()

    def readers_of(self, contents: dict[str, bytes]) -> dict[str, set[str]]:
        """What DVC would run after each of these edits: made at once, as DVC names what changed by path."""
        with self.edited(contents), self.repo.lock:
            stages = list(self.repo.index.graph)
            changes = {stage.name: self._changed_deps(stage) for stage in stages}
        direct = {
            path: {name for name, deps in changes.items() if any(Path(path).is_relative_to(d) for d in deps)}
            for path in contents
        }
        return {path: with_readers(stages) for path, stages in direct.items()}

    @staticmethod
    def _changed_deps(stage: Any) -> list[str]:
        changes = stage.status(check_updates=True).get(stage.addressing, [])
        return [path for change in changes for path in change.get("changed deps", {})]

    @contextmanager
    def edited(self, contents: dict[str, bytes]) -> Iterator[None]:
        files = {self.root / path: content for path, content in contents.items()}
        before = {file: file.read_bytes() if file.is_file() else None for file in files}
        for file, content in files.items():
            file.write_bytes(content)
        if "params.yaml" in contents:
            self.repo._reset()
        try:
            yield
        finally:
            for file, was in before.items():
                if was is None:
                    file.unlink()
                else:
                    file.write_bytes(was)
            if "params.yaml" in contents:
                self.repo._reset()


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decisions]:
    project = copy_project(tmp_path_factory.mktemp("decisions") / "project")
    project.set_params(PARAMS)
    root = project.root
    for path in INPUTS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if not (root / path).exists():
            (root / path).write_text("something")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environment.items():
            patch.setenv(name, value)
        patch.chdir(root)
        made = Decisions(project)
        for stage in made.repo.index.stages:
            for out in stage.outs:
                _place(Path(out.fs_path))
        made.repo.commit(force=True)
        yield made


def _place(out: Path) -> None:
    """Something for an output: a file, or a folder with what other stages read of it by name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix:
        out.write_text(f"the output {out.name}")
        return
    for name in ("manifest.csv", "terms.json", "pittsburgh/000.tar", "tokyo247/247query.zip"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(f"{name} of {out.name}")


def _leaves(node: Any, *keys: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, *keys, key)
    else:
        yield keys


def _changed(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value}_of_another_kind"
    return 1 if value is None else value + 1


def _edited(*keys: Any) -> bytes:
    document = copy.deepcopy(PARAMS)
    node = document
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = _changed(node[keys[-1]])
    return _dumped(document)


def _dumped(document: dict[str, Any]) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def test_the_graph_is_the_one_that_was_written_down(decisions: Decisions) -> None:
    graph = decisions.repo.index.graph
    assert {stage.name: sorted(read.name for read in graph[stage]) for stage in graph} == {
        stage: sorted(read) for stage, read in READS.items()
    }


def test_without_an_edit_nothing_runs(decisions: Decisions) -> None:
    assert decisions.runs() == set()
    assert decisions.repo.status() == {}


def test_the_command_says_the_same(decisions: Decisions) -> None:
    """With the descendants that it leaves out: of the stages that it names, one reads from the other."""
    edited = decisions.root / "pipeline" / "datasets" / "derived" / "merge.py"
    before = edited.read_bytes()
    edited.write_bytes(b"# Edited.\n" + before)
    try:
        said = json.loads(Project(decisions.root).dvc("status", "--json").stdout)
    finally:
        edited.write_bytes(before)
    changed = [{"changed deps": {"pipeline/datasets/derived": "modified"}}]
    assert said == {"merge@both": changed, "apart@far": changed, "select@tokyo_night": changed}
    assert decisions.after("pipeline/datasets/derived/merge.py", b"# Edited.\n" + before) == with_readers(
        said
    )


def test_each_parameter_lets_run_what_it_belongs_to(decisions: Decisions) -> None:
    edits = [keys for keys in _leaves(PARAMS) if keys[0] != "test_sets"]
    assert len(edits) > 50
    found = {keys: decisions.after("params.yaml", _edited(*keys)) for keys in edits}
    assert found == {keys: runs_after_parameter(keys[0], keys[1]) for keys in edits}


def test_another_test_set_is_tested_on_and_the_others_are_not_again(decisions: Decisions) -> None:
    document = copy.deepcopy(PARAMS)
    document["test_sets"].append("far")
    runs = decisions.after("params.yaml", _dumped(document))
    assert runs == {"evaluate@dn-far", "evaluate@others-far", "tables", "report"}


def test_another_model_is_trained_and_the_others_are_not_again(decisions: Decisions) -> None:
    document = copy.deepcopy(PARAMS)
    document["train"]["day"] = document["train"]["dn"] | {"dataset": "day"}
    document["experiment"]["day"] = document["experiment"]["dn"] | {"model": "day"}
    runs = decisions.after("params.yaml", _dumped(document))
    assert runs == {"train@day", "experiment@day", "evaluate@day-tokyo_night", "tables", "report"}


def test_how_parameters_are_written_does_not_count(decisions: Decisions) -> None:
    document = copy.deepcopy(PARAMS)
    document["train"]["dn"] = dict(reversed(document["train"]["dn"].items()))
    text = _dumped(document).decode().replace("lr: 0.01", "lr: 1.0e-2  # Adam's")
    assert "Adam's" in text
    assert decisions.after("params.yaml", f"# Another comment.\n{text}".encode()) == set()


def test_another_order_in_a_section_that_becomes_options_is_another_command(decisions: Decisions) -> None:
    for section in UNPACKED:
        for entry in PARAMS[section]:
            document = copy.deepcopy(PARAMS)
            document[section][entry] = dict(reversed(document[section][entry].items()))
            runs = decisions.after("params.yaml", _dumped(document))
            several = len(document[section][entry]) > 1
            assert runs == (with_readers([f"{section}@{entry}"]) if several else set())


def test_each_input_lets_run_its_readers(decisions: Decisions) -> None:
    found = {path: decisions.after(path, b"something else") for path in INPUTS}
    assert found == {path: with_readers(stages) for path, stages in INPUTS.items()}


def test_each_output_that_is_another_one_lets_run_its_stage_and_its_readers(decisions: Decisions) -> None:
    found = decisions.after("data/sets/day/manifest.csv", b"another manifest")
    assert found == with_readers(["format@day"])
    found = decisions.after("results/dn/tokyo_night/manifest.csv", b"other results")
    assert found == with_readers(["evaluate@dn-tokyo_night"])


def test_each_room_lets_run_the_stages_that_use_it(decisions: Decisions) -> None:
    assert len(rooms()) > 60
    edits = {module: b"# Edited.\n" + (decisions.root / module).read_bytes() for module in rooms().values()}
    found = decisions.readers_of(edits)
    assert {room: found[module] for room, module in rooms().items()} == {
        room: runs_after_room(room) for room in rooms()
    }


def test_a_new_module_counts_and_what_is_no_code_does_not(decisions: Decisions) -> None:
    room = "pipeline/vpr/training"
    assert decisions.after(f"{room}/new.py", b"NEW = 1\n") == runs_after_room(room)
    (decisions.root / room / "__pycache__").mkdir(exist_ok=True)
    names = ("training.py~", ".training.py.swp", "__pycache__/training.cpython-311.pyc", ".DS_Store")
    with decisions.edited({f"{room}/{name}": b"no code" for name in names}):
        assert decisions.runs() == set()


def test_what_nothing_depends_on_lets_nothing_run(
    decisions: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with decisions.edited(dict.fromkeys(NOTHING, b"something else")):
        assert decisions.runs() == set()
    for name in ("DUSKLINE_WORKERS", "DUSKLINE_DEVICE", "DUSKLINE_WORK"):
        monkeypatch.setitem(os.environ, name, "1")
        assert decisions.runs() == set()


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text() == table(), "python -m tests.end_to_end.what_runs_again writes it"
