"""The fast engine: every restart at once, on a compiled kernel, along Pyro's own curves.

The starts, the coordinates and Adam are those of the Pyro engine, so the curves are the same to
rounding. Restarts go forward together, some steps at a time, spread over the cores; between two
such batches the run reports and can be cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.data.dataset import Dataset
from gmm_core.engines.climb import Climb
from gmm_core.engines.search import Start, search
from gmm_core.engines.starts import begin
from gmm_core.engines.training import Training
from gmm_core.mixture import Mixture, Parameters
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.starts import STARTS

ENGINES = [
    {
        "kind": "map",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "per_evaluation": 1e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
        "methods": (),
    },
    {
        "kind": "compare",
        "name": "compiled",
        "packages": ("numba", "scipy"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "per_evaluation": 1e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
    },
]


def fit_map(
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions,
    on_progress: OnProgress | None = None,
    start: Parameters | None = None,
    more: Sequence[Start] = (),
) -> Training:
    """Train restarts side by side, or search. See `inference.fit_map`.

    Restarts whose starts are permutations of each other are trained once. A restart that has
    collapsed beyond return is stopped there, and its curve ends.

    Parameters
    ----------
    start : where all begin, for `start="given"`.
    more : starts of a search beside its own, each with the name of its kind.
    """
    if STARTS[options.start].search:
        return search(dataset, mixture, options, on_progress, more)
    starts, alike = begin(dataset, mixture, options, start)
    with Climb(dataset, mixture, options, options.restarts, on_progress) as climb:
        climb.go(starts, alike)
    return climb.training
