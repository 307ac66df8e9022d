"""The engines: each computes the same mixture, in its own way and at its own speed.

An engine's file says at its top what it runs and how fast, in a literal `ENGINES`: a list of the
fields of `runs.kinds.Engine`, without `module`. The list is read, as setuptools reads a version,
without importing the file: the web process knows every engine and loads none of them.
"""

import ast
from collections.abc import Iterator
from importlib import resources

from gmm_core.runs.kinds import Engine


def declared() -> Iterator[Engine]:
    """Yield the engines that the files of this folder declare."""
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".py") or file.name.startswith("_"):
            continue
        text = file.read_text(encoding="utf-8")
        if "\nENGINES = " not in text:
            continue
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "ENGINES":
                for fields in ast.literal_eval(statement.value):
                    yield Engine(module=f"{__name__}.{file.name.removesuffix('.py')}", **fields)
