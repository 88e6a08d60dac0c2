"""The rooms of the packages, their folders: no two need each other, not even through others."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

from tests.import_graph import direct_imports, is_only_docstring, project_modules

# Geometry, layout, appearance and drawing of one city; dvc.yaml names it as a whole.
ONE_ROOM = Path("pipeline/city")


def room_of(module: Path) -> str:
    """`pipeline/*/*` or `unit/*`, or the folder above where a module lies in it."""
    if module.is_relative_to(ONE_ROOM):
        return str(ONE_ROOM)
    deepest = 3 if module.parts[0] == "pipeline" else 2
    return str(Path(*module.parent.parts[:deepest]))


def rooms_used() -> dict[str, set[str]]:
    """By room, the others that its modules import."""
    used: dict[str, set[str]] = {}
    for module in project_modules():
        if module.parts[0] in ("pipeline", "unit"):
            imported = {room_of(other) for other in direct_imports(module) if not is_only_docstring(other)}
            used.setdefault(room_of(module), set()).update(imported - {room_of(module)})
    return used


def test_rooms_form_no_circle() -> None:
    used = rooms_used()
    assert {"pipeline/core", "pipeline/vpr/retrieval", "pipeline/city", "unit/network"} <= used.keys()
    # `CycleError` tells the circle.
    TopologicalSorter(used).prepare()
