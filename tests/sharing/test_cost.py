"""What a push costs: each object once, without what is there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.sharing.cost import Amount, push_cost
from pipeline.sharing.objects import SharedProject
from pipeline.sharing.remote import Remote, set_up
from tests.sharing.small_project import dvc


@pytest.fixture
def project(root: Path, tmp_path: Path) -> SharedProject:
    project = SharedProject(root)
    set_up(project, Remote("shared", str(tmp_path / "share")), "repo")
    return project


def _listing(root: Path) -> int:
    (listing,) = (root / ".dvc" / "cache" / "files" / "md5").rglob("*.dir")
    return listing.stat().st_size


def test_equal_files_are_one_object(project: SharedProject, root: Path) -> None:
    cost = push_cost(project, project.remote())
    assert cost.outs == {"colours": Amount(3, 150 + 250 + _listing(root)), "shade.txt": Amount(1, 100)}
    assert cost.sent == cost.total == Amount(4, 500 + _listing(root))
    assert cost.runs == 2


def test_an_object_belongs_to_the_stage_that_made_it(project: SharedProject, root: Path) -> None:
    """And not to one that has a copy of it, though it comes first."""
    album = "  album:\n    cmd: cp -r colours album\n    deps: [colours]\n    outs: [album]\n"
    before = (root / "dvc.yaml").read_text()
    (root / "dvc.yaml").write_text(before.replace("stages:\n", f"stages:\n{album}"))
    dvc(root, "repro", "-q")
    cost = push_cost(SharedProject(root), project.remote())
    assert list(cost.outs) == ["colours", "shade.txt"]
    assert cost.total == Amount(4, 500 + _listing(root))


def test_what_is_there_is_not_sent_again(project: SharedProject, root: Path) -> None:
    dvc(root, "push", "shade.txt")
    cost = push_cost(project, project.remote())
    assert cost.sent == Amount(3, 400 + _listing(root))
    dvc(root, "push")
    assert push_cost(project, project.remote()).sent == Amount()


def test_a_cache_that_lacks_something_is_named(project: SharedProject, root: Path) -> None:
    for path in (root / ".dvc" / "cache" / "files" / "md5").rglob("*"):
        if path.is_file() and not path.name.endswith(".dir"):
            path.unlink()
    with pytest.raises(MissingInputError, match=r"lacks 3 objects: 2 of colours, 1 of shade\.txt") as caught:
        push_cost(project, project.remote())
    assert "dvc pull" in str(caught.value)


def test_before_the_first_run_there_is_nothing_to_share(project: SharedProject, root: Path) -> None:
    (root / "dvc.lock").unlink()
    with pytest.raises(MissingInputError, match="nothing is finished that could be shared"):
        push_cost(SharedProject(root), project.remote())


def test_a_remote_that_is_not_there_is_said_in_words(project: SharedProject, tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file")
    with pytest.raises(DusklineError, match=r"share: NotADirectoryError: .*") as caught:
        push_cost(project, project.remote())
    assert "Credentials come from the environment" in str(caught.value)
