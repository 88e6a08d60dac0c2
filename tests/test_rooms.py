"""The rooms of the packages, their folders: no two need each other, not even through others."""

from __future__ import annotations

from graphlib import TopologicalSorter

from tests.import_graph import direct_imports, is_only_docstring, project_modules
from tests.stage_rooms import room_of


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
