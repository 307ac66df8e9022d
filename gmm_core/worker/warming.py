"""Loads and compiles the engines of a worker ahead of its first run."""

import logging
import math
import threading
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from gmm_core import log
from gmm_core.runs import kinds
from gmm_core.runs.kinds import Engine

logger = logging.getLogger(__name__)

_warm_lock = threading.Lock()  # two threads that import torch at once see it half made
_warm = threading.Event()

# The smallest data, and some with missing values, for which there is other code.
_COMPLETE = [[0.0], [1.0], [3.0]]
_WITH_HOLES = [[0.0, 1.0], [1.0, math.nan], [3.0, 0.0], [2.0, 5.0]]


def warm_up() -> None:
    """Load and compile the engines ahead of the first run: it takes seconds."""
    with _warm_lock:
        if not _warm.is_set():
            _warm.set()
            _smallest_runs([engine for engine in kinds.engines() if engine.warm], _COMPLETE)


def compile_all() -> None:
    """Compile what any data needs, once for an installation: it takes a minute or two.

    Otherwise the first run waits for it, and the first on data with missing values once more.
    """
    every = kinds.engines(sampled=False)
    _smallest_runs(every, _COMPLETE)
    _smallest_runs(every, _WITH_HOLES)


def _smallest_runs(engines: list[Engine], values: list[list[float]]) -> None:
    """Let each engine compute something small.

    The first fit of an installation compiles the kernel, later ones read it from the disk.
    """
    from gmm_core import inference
    from gmm_core.data.dataset import Dataset
    from gmm_core.mixture import Mixture
    from gmm_core.runs.specification import Specification

    dataset = Dataset.from_values(values, missing="keep")
    for engine in engines:
        try:
            engine.load()
        except ModuleNotFoundError as error:
            # An engine that is not installed is reported by the run that asks for it.
            logger.info("Engine %s was not loaded: %s", engine.name, error)
            continue
        smallest = kinds.named(engine.kind).smallest
        if smallest is None:
            continue
        try:
            specification = Specification(
                dataset=dataset, mixture=Mixture(), options=smallest, engine=engine.name
            )
            inference.run_part(specification)
        except Exception:
            logger.exception("The first fit of this worker failed; runs will tell why.")


def is_warm() -> bool:
    """Whether the engines of this process are loaded and compiled."""
    return _warm.is_set() and not _warm_lock.locked()


class WarmUp(WorkerPlugin):
    """Warms each worker up as it starts, also after a restart, without holding it up."""

    name = "gmm-warm-up"

    def setup(self, worker: Any) -> None:
        """Start the import in a thread of its own (called by Dask)."""
        log.setup_from_environment()
        threading.Thread(target=warm_up, name="gmm-warm-up", daemon=True).start()
