"""The registry of methods of the MAP fit: how restarts go forward, and what follows from it.

A method is an entry here and a class of `engines.restarts.Restarts`; `MapOptions.method` is the
name of one, and pages, words, scripts and estimates of time ask here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Method:
    """How restarts go forward.

    Attributes
    ----------
    name : as it stands in options.
    label : what people read.
    restarts : module and class that make its steps in the compiled engine.
    passes : about how many passes over the data a restart takes, by the steps that it may make.
    learning_rate : whether it has one.
    settles : whether it stops a restart when that has settled, so that what it leaves has a
        gradient that vanishes.
    in_pyro : whether Pyro makes its steps, too.
    polishing : about how many passes it takes to polish a restart that has come so far.
    further : what to do with a restart that still moves.
    """

    name: str
    label: str
    restarts: str
    passes: Callable[[int], float]
    learning_rate: bool
    settles: bool
    in_pyro: bool
    polishing: int
    further: str

    def load(self) -> Any:
        """Import the class that makes its steps."""
        module, name = self.restarts.split(":")
        return getattr(importlib.import_module(module), name)


METHODS = {
    method.name: method
    for method in (
        Method(
            "adam",
            "Adam (tutorial)",
            "gmm_core.engines.adam_run:AdamRun",
            passes=float,
            learning_rate=True,
            settles=False,
            in_pyro=True,
            polishing=150,
            further="take more steps, raise the learning rate, or polish",
        ),
        Method(
            "em",
            "EM",
            "gmm_core.engines.em_run:EmRun",
            # Three passes bring two steps further, and most restarts settle within a hundred.
            passes=lambda steps: min(1.5 * steps, 100.0),
            learning_rate=False,
            settles=True,
            in_pyro=False,
            polishing=10,  # most have settled, and are left as they are
            further="take more steps, or polish",
        ),
    )
}
"""All methods by name, the tutorial's first."""
