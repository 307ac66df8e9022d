"""What contract tests share: a name that a package does not document is there, or a sentence."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parent.parent.parent


def name(distribution: str, module: str, path: str, use: str) -> Any:
    """Return what stands at `path` in a module; fail with what changed and what it was used for."""
    try:
        value: Any = importlib.import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError):
        pytest.fail(
            f"{distribution} {version(distribution)} has no {module}.{path} any more: {use}. "
            f"Find what replaces it."
        )
    return value


def takes(distribution: str, function: Any, *arguments: str) -> None:
    """Fail unless a function begins with these arguments."""
    parameters = tuple(inspect.signature(function).parameters)
    assert parameters[: len(arguments)] == arguments, (
        f"{distribution} {version(distribution)} calls {function.__qualname__} with "
        f"{parameters} and no longer with {arguments}."
    )


def files_that_match(pattern: str, folders: tuple[str, ...]) -> set[str]:
    """Return the files of which a line of code, comments apart, matches."""
    return {
        str(path.relative_to(TOP))
        for folder in folders
        for path in (TOP / folder).rglob("*.py")
        if re.search(pattern, ast.unparse(ast.parse(path.read_text(encoding="utf-8"))))
    }
