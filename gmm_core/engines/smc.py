"""The sampler that weighs modes: importance sampling from a reference that has them all, tempered.

Draws of the reference (`reference`) are weighed by the posterior. Where the weights are good, by
their number in effect and the shape of their tail, that is all; where they are not, a sequence of
temperatures leads from the reference to the posterior, each as far from the last as the weights
allow, with moves in between (sequential Monte Carlo: Del Moral, Doucet and Jasra 2006). Both
estimate the evidence, the integral of likelihood times prior, without bias. Several populations
that know nothing of each other tell its error.
"""

from __future__ import annotations

from math import lgamma

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import adam, tempering
from gmm_core.engines.problem import Problem
from gmm_core.engines.reference import pinned, reference, reordered
from gmm_core.mixture import Mixture, Parameters, sites
from gmm_core.mixture.density import log_sum_exp
from gmm_core.posterior.draws import Posterior
from gmm_core.runs.options import SmcOptions
from gmm_core.runs.progress import OnProgress, Patch, Reporter
from gmm_core.runs.units import standard

ENGINES = [
    {
        "kind": "smc",
        "name": "smc",
        "packages": ("numba",),
        "observes": ("weights", "missing values", "known classes", "noise"),
        "begin": 0.1,
        "per_evaluation": 2e-06,
        "per_density": 3e-09,
        "per_number": 3e-10,
    },
]

Array = NDArray[np.float64]

# So many draws of the reference are weighed for each particle, while these are few; of many a
# smaller share tells the tail of the weights as well.
OVERSAMPLE, _OVERSAMPLE_MANY, _MANY = 20, 4, 20_000
# Importance weights do alone when as many of them count as this share of the draws, and Pareto's
# k, the shape of their tail, says that their mean has a finite variance (Vehtari et al. 2024).
_GOOD_SHARE, _GOOD_K = 0.25, 0.5
# The next temperature leaves this share of the particles in effect.
_KEEP = 0.6
_SWEEPS, _LAST_SWEEPS = 5, 10
# Of a trajectory in units of the part's own spread, and its acceptance (Beskos et al. 2013: 0.65
# at least; higher is safer where a part is no normal).
_LENGTH, _ACCEPTANCE = 1.6, 0.8
_MOST_STEPS = 24
_TEMPERATURES = 200
_CHUNK = 2e7  # numbers that are looked at between two reports, about a tenth of a second


def sample_population(
    dataset: Dataset,
    mixture: Mixture,
    options: SmcOptions,
    part: int,
    on_progress: OnProgress | None = None,
    *,
    start: Parameters | None = None,
) -> Posterior:
    """Draw one population, [1, S, ...], equally weighted. See `inference.sample_posterior`.

    Draws depend on the seed and the number of the part alone. The components of each draw are in
    an order of its own, all K! equally probable, as they are in the posterior; those of known
    classes stay in their places.

    Parameters
    ----------
    start : a point, or a sequence of them, from which modes are climbed beside those of the search.

    Raises
    ------
    Cancelled
        With nothing: before the last temperature there is no draw of the posterior.
    """
    return _Population(dataset, mixture, options, part, on_progress, start).run()


class _Population:
    """S particles on their way from the reference to the posterior."""

    def __init__(
        self,
        dataset: Dataset,
        mixture: Mixture,
        options: SmcOptions,
        part: int,
        on_progress: OnProgress | None,
        start: Parameters | None,
    ) -> None:
        self._options, self._part, self._reporter = options, part, Reporter(on_progress)
        self._own = Problem.of(dataset, mixture, "bijection")
        self._units = standard(dataset, mixture)
        self._constant = float(dataset.counts() @ np.log(self._units.unit))
        self._problem = Problem.of(self._units.dataset, self._units.mixture, "bijection", True)
        self._given: tuple[tuple[float, ...], ...] = ()
        if start is not None:
            inside = self._units.inside(start.reshape(-1))
            q = self._problem.unconstrain(sites(self._problem.mixture, inside))
            self._given = tuple(map(tuple, q.tolist()))
        self._rng = np.random.default_rng([options.seed, part])
        self._work = np.empty(self._problem.work_size)
        K = mixture.n_components
        self._pinned = pinned(dataset, mixture)
        self._orders = lgamma(K - self._pinned + 1)
        cost = len(dataset.values) * dataset.values.shape[1] ** 2 * K
        self._chunk = max(1, int(_CHUNK / cost))
        self._temperature = 0.0
        self._log_evidence = 0.0
        self._acceptance = np.nan

    def run(self) -> Posterior:
        """Weigh draws of the reference; where that is not enough, temper."""
        self._report()
        self._reference = reference(
            self._units.dataset, self._units.mixture, self._options.prior_share, self._given
        )
        parts = len(self._reference.weights)
        self._sizes = np.full(parts, 0.5)
        S = self._options.draws
        weighed = min(OVERSAMPLE * S, max(_MANY, _OVERSAMPLE_MANY * S))
        self._q = self._reference.draws(self._problem, weighed, self._rng)
        self._weigh()
        log_ratio = self._log_joint - self._log_reference
        self._pareto_k = _pareto_k(log_ratio)
        good = self._pareto_k < _GOOD_K and _in_effect(log_ratio) > _GOOD_SHARE * len(log_ratio)
        self._step(log_ratio, 1.0 if good else self._next(log_ratio, 2 * S))
        while self._temperature < 1:
            self._sweep(_SWEEPS)
            log_ratio = self._log_joint - self._log_reference
            self._step(log_ratio, self._next(log_ratio, _KEEP * S))
        if not good:
            self._sweep(_LAST_SWEEPS)
        self._report()
        self._reporter.flush()
        return self._posterior()

    def _weigh(self) -> None:
        """Evaluate posterior and reference at all points."""
        n = len(self._q)
        self._log_joint, self._log_reference = np.empty(n), np.empty(n)
        p, r = self._problem, self._reference
        for first in range(0, n, self._chunk):
            tempering.weigh(
                first, min(n, first + self._chunk), self._q, p.x, p.numbers, p.layout, self._work,
                np.empty(p.size), r.locs, r.inverse, r.log_heights, r.direction, r.pinned,
                self._log_joint, self._log_reference,
            )  # fmt: skip
            self._report()

    def _next(self, log_ratio: Array, enough: float) -> float:
        """Return the next temperature: as far on as leaves `enough` particles in effect."""
        rest = 1 - self._temperature
        if _in_effect(rest * log_ratio) >= enough:
            return 1.0
        low, high = 0.0, rest
        for _ in range(40):
            middle = 0.5 * (low + high)
            if _in_effect(middle * log_ratio) >= enough:
                low = middle
            else:
                high = middle
        # However bad the weights, the end is reached.
        return min(1.0, self._temperature + max(low, 1 / _TEMPERATURES))

    def _step(self, log_ratio: Array, temperature: float) -> None:
        """Go to a temperature: weigh the particles, and draw as many as there are to be anew."""
        log_w = (temperature - self._temperature) * log_ratio
        self._log_evidence += float(log_sum_exp(log_w)) - np.log(len(log_w))
        w = np.exp(log_w - log_w.max())
        S = self._options.draws
        # Systematic resampling: each is drawn as often as its weight says, up to rounding.
        at = (self._rng.random() + np.arange(S)) / S
        chosen = np.minimum(np.searchsorted(np.cumsum(w) / w.sum(), at), len(w) - 1)
        self._q = self._q[chosen]
        self._log_joint = self._log_joint[chosen]
        self._log_reference = self._log_reference[chosen]
        self._temperature = temperature
        self._report()

    def _sweep(self, times: int) -> None:
        """Move every particle some times, and adapt the length of steps."""
        p, r, S = self._problem, self._reference, self._options.draws
        for _ in range(times):
            most = np.clip(np.ceil(_LENGTH / self._sizes.min()), 1, _MOST_STEPS)
            steps = self._rng.integers(1, int(most) + 1, size=S)
            normals = self._rng.normal(size=(S, p.size))
            uniforms = self._rng.random((S, 2))
            accepted, tried = np.zeros(len(self._sizes)), np.zeros(len(self._sizes))
            chunk = max(1, self._chunk // int(most))
            for first in range(0, S, chunk):
                tempering.move(
                    first, min(S, first + chunk), self._temperature, steps, self._sizes, normals,
                    uniforms, self._q, self._log_joint, self._log_reference, p.x, p.numbers,
                    p.layout, self._work, r.locs, r.factors, r.inverse, r.log_heights,
                    r.direction, r.pinned, accepted, tried,
                )  # fmt: skip
                self._report()
            rate = accepted / np.maximum(tried, 1)
            # A part with few particles tells little of its acceptance.
            sure = tried / (tried + 10)
            self._sizes = np.clip(self._sizes * np.exp(sure * (rate - _ACCEPTANCE)), 0.01, 1.5)
            self._acceptance = float(accepted.sum() / tried.sum())

    def _points(self) -> Parameters:
        """Return the particles in the data's own units, components of each in a random order."""
        points = self._units.point(self._problem.points(self._q))
        K = points.weights.shape[-1]
        rng = np.random.default_rng([self._options.seed, self._part, 1])
        order = np.tile(np.arange(K), (len(points), 1))
        order[:, self._pinned :] = rng.permuted(order[:, self._pinned :], axis=1)
        return reordered(points, order)

    def _posterior(self) -> Posterior:
        points, S = self._points(), self._options.draws
        own = self._own
        log_joint = np.empty(S)
        q = own.unconstrain(sites(own.mixture, points))
        adam.evaluate(
            0, S, q, own.x, own.numbers, own.layout, np.empty(own.work_size), log_joint,
            np.empty_like(q),
        )  # fmt: skip
        stats = {
            "log_joint": log_joint[None],
            "mode": self._modes()[None].astype(np.float64),
            "log_evidence": np.array([self._evidence()]),
            "pareto_k": np.array([self._pareto_k]),
            "acceptance": np.full((1, S), self._acceptance),
            "start": np.array([f"{len(set(self._reference.mode.tolist()))} modes and the prior"]),
        }
        if self._given:
            stats["added"] = np.array([float(self._reference.added)])
        return Posterior(points.reshape(1, -1).arrays(), stats)

    def _evidence(self) -> float:
        return self._log_evidence + self._orders - self._constant

    def _modes(self) -> NDArray[np.int64]:
        """Return the number of the mode [S] that each particle belongs to, -1 for none known."""
        r, p = self._reference, self._problem
        if not len(r.locs):
            return np.full(len(self._q), -1)
        z = np.einsum("jpr,njr->njp", r.inverse[:-1], self._q[:, None] - r.locs)
        distance = (z**2).sum(axis=-1)
        nearest = (r.log_heights[:-1] - 0.5 * distance).argmax(axis=1)
        # Of a t, all but one in ten thousand draws lie within this distance.
        within = distance[np.arange(len(nearest)), nearest] < 10 * p.size + 50
        return np.where(within, r.mode[nearest], -1)

    def _report(self) -> None:
        self._reporter(int(1000 * self._temperature), 1000, self._news)

    def _news(self) -> dict[str, Patch]:
        """Return the temperature, the evidence so far, and the cloud of particles as it is."""
        C, c = self._options.populations, self._part
        news = {
            "temperature": Patch((C,), (c,), np.array([self._temperature])),
            "stats.log_evidence": Patch((C,), (c,), np.array([self._evidence()])),
        }
        if self._temperature > 0:
            for name, array in self._points().arrays().items():
                shape = (C, *array.shape)
                news[f"draws.{name}"] = Patch(shape, (c,) + (0,) * array.ndim, array[None])
        return news


def _in_effect(log_w: Array) -> float:
    """Effective number of weights, (sum w)^2 / sum w^2 (Kong 1992)."""
    top = log_w.max()
    if not np.isfinite(top):
        return 0.0
    w = np.exp(log_w - top)
    return float(w.sum() ** 2 / (w**2).sum())


def _pareto_k(log_w: Array) -> float:
    """Shape of the tail of importance weights, by arviz-stats (Vehtari et al. 2024)."""
    from arviz_stats.base import array_stats

    finite = log_w[np.isfinite(log_w)]
    if len(finite) < 100:
        return float("inf")
    try:
        return float(array_stats.psislw(-finite)[1])
    except ValueError:  # the largest weights are all the same: there is no tail to fit
        return 0.0
