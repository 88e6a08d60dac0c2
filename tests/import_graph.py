"""Which project modules a module imports, directly or through others, read from the source text."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "unit", "stages")


def project_modules() -> list[Path]:
    """Every module of the project, relative to its root."""
    return sorted(path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), filename=str(module))


def is_only_docstring(module: Path) -> bool:
    """Whether the module holds no code, as the `__init__.py` of most packages."""
    return all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in parsed(module).body
    )


def imported_names(module: Path, *, at_import_only: bool = False) -> set[str]:
    """Dotted names that the module imports; with `at_import_only`, without those inside functions."""
    names: set[str] = set()
    waiting: list[ast.AST] = [parsed(module)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import; the project writes whole names"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and at_import_only:
            continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return names


def file_of(name: str) -> Path | None:
    """The project file that a dotted name stands for: a module, a package, or something inside one."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return None
    while parts:
        path = Path(*parts)
        if (ROOT / path.with_suffix(".py")).is_file():
            return path.with_suffix(".py")
        if (ROOT / path / "__init__.py").is_file():
            return path / "__init__.py"
        parts.pop()
    return None


@cache
def direct_imports(module: Path, *, at_import_only: bool = False) -> set[Path]:
    """The project modules named in the module's imports, with the packages above them."""
    found: set[Path] = set()
    for name in imported_names(module, at_import_only=at_import_only):
        path = file_of(name)
        if path is None:
            continue
        found.add(path)
        for parent in path.parents:
            package = parent / "__init__.py"
            if parent != Path() and (ROOT / package).is_file():
                found.add(package)
    return found


def modules_used(entry: Path, *, at_import_only: bool = False) -> set[Path]:
    """`entry` and every project module that it reaches, without packages that hold only a docstring."""
    seen: set[Path] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        waiting.extend(direct_imports(module, at_import_only=at_import_only))
    return {module for module in seen if not is_only_docstring(module)}
