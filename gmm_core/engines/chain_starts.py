"""Where the chains of the fast sampler begin: at the MAP's distinct optima, and in the prior.

A chain finds the mode next to where it begins and rarely leaves it. So chains 0, 2, 4, … begin at
the optima that a quick search has found, the best first, and once all are taken again from the
best with the labels moved on by one, for every permutation of the components is a mode as well.
Chains 1, 3, 5, … begin at draws from the prior, which no fit has looked at: when they agree with
the others, that says something.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import compiled_engine
from gmm_core.engines.starts import known_locs, start_locs, start_sites
from gmm_core.mixture import Mixture, Parameters, from_sites, prior_draws
from gmm_core.mixture.likelihood import log_likelihood
from gmm_core.mixture.matching import basins
from gmm_core.runs.options import MapOptions
from gmm_core.runs.units import rescaled
from gmm_core.runs.verdicts import collapsed

Array = NDArray[np.float64]

# A quick search, on a sample of the data: a chain needs a place to begin, no final answer.
_SEARCH = MapOptions(restarts=12, steps=60, choose="final", polish=True)
_ROWS = 1000
# A mode with a peak this much lower, in nats, holds no share of the posterior that draws would see,
# yet a chain that begins there may stay.
_NEGLIGIBLE = 10.0
# From the prior the best of so many: a single draw of many components may lie so far from the
# data that warm-up does not come back.
_PRIOR_DRAWS = 32
_WEIGHT = 1e-9


def chain_start(
    dataset: Dataset, mixture: Mixture, chain: int, seed: int
) -> tuple[Parameters, str]:
    """Return where a chain begins, and its name: "optimum 1", "optimum 1, labels moved", "prior".

    With fewer points than components all begin in the prior.
    Where every fit collapses there is no optimum to begin at: "data points" then, a tutorial start.

    Parameters
    ----------
    chain : which one of the run, from 0.
    seed : of the chain, for draws from the prior and for the tutorial start.
    """
    if chain % 2 or len(dataset.values) < mixture.n_components:
        return _likely_prior_draw(dataset, mixture, seed), "prior"
    points = optima(dataset, mixture)
    if not points:
        options = MapOptions(restarts=1, first_seed=seed)
        locs = known_locs(dataset, mixture, start_locs(dataset, mixture.n_components, options))[0]
        return from_sites(mixture, start_sites(dataset, mixture, locs)), "data points"
    turn, which = divmod(chain // 2, len(points))
    # Where components have classes, their labels are not free to move.
    turn = 0 if mixture.classes_fixed else turn % mixture.n_components
    order = np.roll(np.arange(mixture.n_components), turn)
    moved = ", labels moved" if turn else ""
    return points[which].permuted(order), f"optimum {which + 1}{moved}"


@lru_cache(maxsize=32)
def optima(
    dataset: Dataset,
    mixture: Mixture,
    search: MapOptions = _SEARCH,
    within: float = _NEGLIGIBLE,
) -> tuple[Parameters, ...]:
    """Find the distinct optima of the log joint that a quick search ends in, best first.

    Those that are negligibly low beside the best, by more than `within` nats, are left out.

    Datasets and mixtures are equal by content, so the chains of a run in one process search once.
    """
    sample = _sample(dataset)
    if len(sample.values) < mixture.n_components:
        return ()
    if np.any(sample.moments()[1] == 0):
        return ()
    units = rescaled(sample, mixture)
    if units is None:
        training = compiled_engine.fit_map(sample, mixture, search)
    else:
        fit = compiled_engine.fit_map(units.dataset, units.mixture, search)
        training = units.training(fit)
    points = training.points
    sound = training.trained & ~training.broken & np.isfinite(training.final_loss)
    finished = np.flatnonzero(sound)
    sound[finished] = ~collapsed(sample, mixture, points[finished])
    basin = basins(training.final_loss, points, sound)
    firsts = [int(np.flatnonzero(basin == b)[0]) for b in range(basin.max() + 1)]
    worst = training.final_loss[firsts[0]] + within if firsts else 0.0
    return tuple(points[r] for r in firsts if training.final_loss[r] <= worst)


def _sample(dataset: Dataset) -> Dataset:
    """Points to search on: all, or a fixed sample of many."""
    N = len(dataset.values)
    if N <= _ROWS:
        return dataset
    return dataset.take(np.sort(np.random.default_rng(0).choice(N, _ROWS, replace=False)))


def _likely_prior_draw(dataset: Dataset, mixture: Mixture, seed: int) -> Parameters:
    """Draw from the prior several times, and return the draw under which the data is likeliest."""
    points = prior_draws(mixture, dataset.values.shape[1], _PRIOR_DRAWS, seed)
    sample = _sample(dataset)
    heights = [float(log_likelihood(sample, mixture, point)) for point in points]
    best = points[int(np.argmax(heights))]
    # A weight that underflows has no finite coordinate to begin at.
    weights = np.maximum(best.every_weight, _WEIGHT)
    weights /= weights.sum()
    K = mixture.n_components
    return replace(best, weights=weights[:K], noise=weights[K] if mixture.noise else None)
