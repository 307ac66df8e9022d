"""Imports run downwards: a module uses what stands below it, and no two use each other."""

import ast
from pathlib import Path

TOP = Path(__file__).parent.parent
# From the top floor down; subjects of one floor may use each other as long as there is no circle.
FLOORS = (
    {"app"},
    {"pages.views"},
    {"pages.parts"},
    {"serving", "sharing"},
    {"jobs", "figures"},
    {"worker", "words"},
    {"inference"},
    {"engines", "comparison", "posterior", "membership", "store"},
    {"runs"},
    {"mixture"},
    {"data"},
)
# A worker's report says in the words of the jobs why a run was stopped. (The kinds of run are found
# by their names, which is no import that is read here.)
ALLOWED_UPWARDS = 1


def module(path: Path) -> str:
    parts = path.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module(path): path
    for path in [
        TOP / "app.py",
        *(TOP / "pages").rglob("*.py"),
        *(TOP / "gmm_core").rglob("*.py"),
    ]
}


def floor(name: str) -> int | None:
    """The floor of a module's subject, 0 at the top; None for what all may use."""
    subject = ".".join(name.split(".")[:2]) if name.startswith("pages") else name
    if name.startswith("gmm_core."):
        subject = name.split(".")[1]
    return next((i for i, subjects in enumerate(FLOORS) if subject in subjects), None)


def arrows() -> dict[str, set[str]]:
    """Which modules of the program each module imports, on loading or later, types left out."""
    imports: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        used: set[str] = set()
        stack: list[ast.AST] = [ast.parse(path.read_text())]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            if isinstance(node, ast.Import):
                used.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                # A package that only hands names on is no use of its own.
                used |= {one if one in MODULES else node.module for one in inner}
            stack += ast.iter_child_nodes(node)
        imports[name] = (used & MODULES.keys()) - {name}
    return imports


def test_imports_run_downwards():
    upwards = [
        f"{name} -> {used}"
        for name, all_used in arrows().items()
        for used in sorted(all_used)
        if (own_floor := floor(name)) is not None
        and (its_floor := floor(used)) is not None
        and its_floor < own_floor
    ]
    assert len(upwards) <= ALLOWED_UPWARDS, upwards


def test_no_modules_import_each_other_in_a_circle():
    graph = arrows()
    done: set[str] = set()
    circles: list[list[str]] = []

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            circles.append([*way[way.index(name) :], name])
            return
        if name in done:
            return
        for used in sorted(graph[name]):
            # A package and what is in it are one thing.
            if not (name.startswith(f"{used}.") or used.startswith(f"{name}.")):
                visit(used, [*way, name])
        done.add(name)

    for name in sorted(graph):
        visit(name, [])
    assert not circles
