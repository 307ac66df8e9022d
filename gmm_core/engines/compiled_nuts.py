"""The fast sampler: one chain of nutpie's NUTS on the compiled kernel.

nutpie calls Python for each gradient, so two chains in one process wait for each other; the chains
of a run belong into processes of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import adam, kernel, nutpie_internals
from gmm_core.engines.chain_starts import chain_start
from gmm_core.engines.problem import Problem
from gmm_core.engines.starts import chain_seed
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.options import NutsOptions
from gmm_core.runs.progress import Cancelled, OnProgress, Patch, Reporter

with warnings.catch_warnings():
    # nutpie imports ArviZ, which announces its next version at every import.
    warnings.simplefilter("ignore", FutureWarning)
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc
import pyarrow

ENGINES = [
    {
        "kind": "posterior",
        "name": "nutpie",
        "packages": ("nutpie", "numba"),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "begin": 0.1,
        "per_evaluation": 5.5e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
    },
]

Array = NDArray[np.float64]

# How long to sample between two looks at what was drawn, in seconds.
_LOOK_EVERY = 0.1
# A start is moved by this share of the scale: nutpie measures its first step on the gradient
# there and takes a coordinate whose gradient is exactly zero, as symmetric data has, for a fault.
_JITTER = 0.01


def sample_chain(
    dataset: Dataset,
    mixture: Mixture,
    options: NutsOptions,
    chain: int,
    on_progress: OnProgress | None = None,
) -> Posterior:
    """Draw one chain, [1, S, ...]; chain 0 uses the seed itself. See `inference.sample_posterior`.

    Where the chain begins is said in `stats["start"]`; see `chain_starts`. Draws depend on the seed
    alone.

    Raises
    ------
    Cancelled
        With the draws so far as its `partial`, or None during warm-up.
    ValueError
        When the objective is not finite around the start.
    """
    report = Reporter(on_progress)
    S, W = options.draws, options.warmup
    problem = Problem.of(dataset, mixture, "bijection", jacobian=True)
    seed = chain_seed(options.seed, chain)
    point, place = chain_start(dataset, mixture, chain, seed)
    start = _start_near(problem, point, seed)
    record = _Record(dataset, mixture, options, chain, problem, place)
    model = from_pyfunc(
        problem.size,
        lambda: _density(problem),
        lambda seed1, seed2, chain: lambda q: {"q": np.array(q)},
        [np.dtype("float64")],
        [(problem.size,)],
        ["q"],
        make_initial_point_fn=lambda seed: start,
    )
    report(0, W + S, dict)
    sampler = nutpie.sample(
        model,
        draws=S,
        tune=record.tune,
        chains=1,
        cores=1,
        seed=seed,
        progress_bar=False,
        blocking=False,
        return_raw_trace=True,
        target_accept=options.target_accept,
        maxdepth=options.max_tree_depth,
    )
    try:
        while True:
            try:
                trace = sampler.wait(timeout=_LOOK_EVERY)
                break
            except TimeoutError:
                if on_progress is not None:
                    record.read(sampler.inspect())
                    report(record.n, W + S, record.news)
        record.read(trace)
        report(record.n, W + S, record.news)
        report.flush()
    except Cancelled as cancelled:
        if nutpie_internals.has_drawn(sampler):
            record.read(sampler.abort())
        raise Cancelled(str(cancelled), record.posterior()) from None
    except RuntimeError as error:
        raise ValueError(
            "The sampler found no point to begin at: the log joint is not finite around the data "
            "points. Give priors in the units of the data: Priors.for_data(dataset) suits most. "
            f"({str(error).splitlines()[0]})"
        ) from error
    posterior = record.posterior()
    assert posterior is not None
    return posterior


def _start_near(problem: Problem, point: Parameters, seed: int) -> Array:
    """Coordinates a little beside a point."""
    q = problem.unconstrain(sites(problem.mixture, point))
    jitter = _JITTER * np.random.default_rng(seed).normal(size=problem.size)
    jitter[problem.slices["locs"]] *= point.scales.ravel()
    return q + jitter


def _density(problem: Problem) -> Callable[[Array], tuple[float, Array]]:
    """Return the log density with its gradient, on scratch of its own."""
    work = np.empty(problem.work_size)
    x, numbers, layout, size = problem.x, problem.numbers, problem.layout, problem.size
    log_joint = kernel.log_joint

    def density(q: Array) -> tuple[float, Array]:
        gradient = np.empty(size)
        return log_joint(q, x, numbers, layout, work, gradient), gradient

    return density


# Our names, nutpie's, and the type.
_STATS: dict[str, tuple[str, type]] = {
    "diverging": ("diverging", np.bool_),
    "tree_depth": ("depth", np.int64),
    "energy": ("energy", np.float64),
    "acceptance": ("mean_tree_accept", np.float64),
}


class _Record:
    """What one chain has drawn so far, and how much of it has been reported."""

    def __init__(
        self,
        dataset: Dataset,
        mixture: Mixture,
        options: NutsOptions,
        chain: int,
        problem: Problem,
        start: str,
    ) -> None:
        self._start = start
        self._mixture, self._options, self._chain = mixture, options, chain
        self._problem = problem
        self._plain = Problem.of(dataset, mixture, "bijection", jacobian=False)
        # nutpie cannot do without warm-up: one step of it is made and left out.
        self.tune = max(options.warmup, 1)
        self._ahead = self.tune - options.warmup
        self._q = np.empty((options.warmup + options.draws, problem.size))
        self._stats: dict[str, NDArray[Any]] = {
            name: np.zeros(len(self._q), dtype=dtype) for name, (_, dtype) in _STATS.items()
        }
        self._step_size = np.nan
        self.n = self._sent = 0

    def read(self, trace: Any) -> None:
        """Take over the draws that have come since the last time."""
        draws, stats = nutpie_internals.tables(trace)
        if not draws:
            return
        n, new = min(draws[0].num_rows, stats[0].num_rows) - self._ahead, self.n
        if n <= new:
            return
        at, count = self._ahead + new, n - new
        q = pyarrow.array(draws[0].slice(at, count).column("q"))
        self._q[new:n] = q.flatten().to_numpy(False).reshape(count, -1)
        rows = stats[0].slice(at, count)
        for name, (theirs, _) in _STATS.items():
            self._stats[name][new:n] = pyarrow.array(rows.column(theirs)).to_numpy(False)
        self._step_size = float(pyarrow.array(rows.column("step_size")).to_numpy(False)[-1])
        self.n = n

    def _points(self, first: int, last: int) -> Parameters:
        return self._problem.points(self._q[first:last])

    def news(self) -> dict[str, Patch]:
        """Return patches for the draws that have not been reported."""
        W, S, C = self._options.warmup, self._options.draws, self._options.chains
        patches: dict[str, Patch] = {}

        def add(name: str, length: int, at: int, values: NDArray[Any]) -> None:
            array = np.asarray(values, dtype=np.float64)[None]
            offset = (self._chain, at) + (0,) * (array.ndim - 2)
            patches[name] = Patch((C, length, *array.shape[2:]), offset, array)

        warm, n = min(self.n, W), self.n
        if self._sent < warm:
            add("warmup.locs", W, self._sent, self._points(self._sent, warm).locs)
            self._sent = warm
        if self._sent < n:
            at = self._sent - W
            points = self._points(self._sent, n)
            for name, array in points.arrays().items():
                add(f"draws.{name}", S, at, array)
            for name in ("diverging", "acceptance"):
                add(f"stats.{name}", S, at, self._stats[name][self._sent : n])
            self._sent = n
        if n:
            patches["stats.step_size"] = Patch((C,), (self._chain,), np.array([self._step_size]))
        return patches

    def posterior(self) -> Posterior | None:
        """Return the draws after warm-up, None when there are none yet."""
        W, n = self._options.warmup, self.n
        if n <= W:
            return None
        points = self._points(W, n)
        plain, q = self._plain, self._q[W:n]
        log_joint, gradient = np.empty(n - W), np.empty_like(q)
        adam.evaluate(
            0, n - W, q, plain.x, plain.numbers, plain.layout,
            np.empty(plain.work_size), log_joint, gradient,
        )  # fmt: skip
        stats: dict[str, NDArray[Any]] = {
            name: values[None, W:n].copy() for name, values in self._stats.items()
        }
        stats["log_joint"] = log_joint[None]
        stats["step_size"] = np.array([self._step_size])
        stats["start"] = np.array([self._start])
        return Posterior(points.reshape(1, -1).arrays(), stats)
