"""Gathers the kinds of run and the engines, each from the file that computes it.

A file of this folder that has a `KIND` is a kind of run; a file of `gmm_core/engines` that has
`ENGINES` is one or more engines, and so is one of this folder, which sends runs to where the data
is. Whoever adds one writes that file, and it is found.
"""

import importlib
from pkgutil import iter_modules

from gmm_core import inference
from gmm_core.runs.kinds import (
    Engine,
    Evaluations,
    Kind,
    alike,
    by_engine,
    engine_of,
    engines,
    every,
    named,
    register,
    with_options,
    withdraw,
)

__all__ = [
    "Engine",
    "Evaluations",
    "Kind",
    "alike",
    "by_engine",
    "engine_of",
    "engines",
    "every",
    "named",
    "register",
    "with_options",
    "withdraw",
]


def _gather() -> None:
    from gmm_core.engines import declared  # reads the engines' files and loads none of them

    for module in iter_modules(inference.__path__, f"{inference.__name__}."):
        if module.name != __name__:
            kind = getattr(importlib.import_module(module.name), "KIND", None)
            if kind is not None:
                register(kind)
            for engine in getattr(importlib.import_module(module.name), "ENGINES", ()):
                register(engine)
    for engine in declared():
        register(engine)


_gather()
