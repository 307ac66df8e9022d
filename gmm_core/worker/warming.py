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

_lock = threading.Lock()
_loaded: set[tuple[str, str]] = set()
_warm = threading.Event()

# The smallest data, and some with missing values, for which there is other code.
_COMPLETE = [[0.0], [1.0], [3.0]]
_WITH_HOLES = [[0.0, 1.0], [1.0, math.nan], [3.0, 0.0], [2.0, 5.0]]


def warm_up() -> None:
    """Load the engines that are kept warm ahead of their first run, one after the other."""
    for engine in kinds.engines():
        if engine.warm:
            load(engine)
    _warm.set()


def load(engine: Engine) -> None:
    """Load an engine and let it compute something small, unless that was done.

    A run waits for its own engine and for the one that is just being loaded, not for all.
    """
    with _lock:
        if (key := (engine.kind, engine.name)) not in _loaded:
            _loaded.add(key)
            _smallest_run(engine, _COMPLETE)


def compile_all() -> None:
    """Compile what any data needs, once for an installation: it takes a minute or two.

    Otherwise the first run waits for it, and the first on data with missing values once more.
    """
    for engine in kinds.engines(sampled=False):
        for values in (_COMPLETE, _WITH_HOLES):
            _smallest_run(engine, values)


def _smallest_run(engine: Engine, values: list[list[float]]) -> None:
    """Let an engine compute something small: its first run reads compiled code from the disk."""
    from gmm_core import inference
    from gmm_core.data.dataset import Dataset
    from gmm_core.mixture import Mixture
    from gmm_core.runs.specification import Specification

    try:
        engine.load()
    except ModuleNotFoundError as error:
        # An engine that is not installed is reported by the run that asks for it.
        logger.info("Engine %s was not loaded: %s", engine.name, error)
        return
    smallest = kinds.named(engine.kind).smallest
    if smallest is None:
        return
    dataset = Dataset.from_values(values, missing="keep")
    try:
        specification = Specification(
            dataset=dataset, mixture=Mixture(), options=smallest, engine=engine.name
        )
        inference.run_part(specification)
    except Exception:
        logger.exception("The first run of engine %s failed; runs will tell why.", engine.name)


def is_warm() -> bool:
    """Whether the engines of this process that are kept warm are loaded and compiled."""
    return _warm.is_set()


class WarmUp(WorkerPlugin):
    """Warms each worker up as it starts, also after a restart, without holding it up."""

    name = "gmm-warm-up"

    def setup(self, worker: Any) -> None:
        """Start the import in a thread of its own (called by Dask)."""
        log.setup_from_environment()
        threading.Thread(target=warm_up, name="gmm-warm-up", daemon=True).start()
