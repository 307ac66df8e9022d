"""Where the chains of the fast sampler begin: at the MAP's distinct optima, and in the prior.

A chain finds the mode next to where it begins and rarely leaves it. So chains 0, 2, 4, … begin at
the optima that a quick search has found, the best first, and once all are taken again from the
best with the labels moved on by one, for every permutation of the components is a mode as well.
Chains 1, 3, 5, … begin at draws from the prior, which no fit has looked at: when they agree with
the others, that says something.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.diagnostics import basins, is_collapsed
from gmm_core.engines import compiled_engine
from gmm_core.engines.starts import start_locs, start_sites
from gmm_core.mixture import Mixture, Parameters, from_sites, log_density, prior_draws
from gmm_core.options import MapOptions
from gmm_core.units import suited

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

    Where every fit collapses there is no optimum to begin at: "data points" then, a tutorial start.

    Parameters
    ----------
    chain : which one of the run, from 0.
    seed : of the chain, for draws from the prior and for the tutorial start.
    """
    if chain % 2:
        return _likely_prior_draw(dataset, mixture, seed), "prior"
    found = optima(dataset, mixture)
    if not found:
        options = MapOptions(restarts=1, first_seed=seed)
        locs = start_locs(dataset, mixture.n_components, options)[0]
        return from_sites(mixture, start_sites(dataset, mixture, locs)), "data points"
    turn, which = divmod(chain // 2, len(found))
    turn %= mixture.n_components
    order = np.roll(np.arange(mixture.n_components), turn)
    moved = ", labels moved" if turn else ""
    return found[which].permuted(order), f"optimum {which + 1}{moved}"


@lru_cache(maxsize=8)
def optima(dataset: Dataset, mixture: Mixture) -> tuple[Parameters, ...]:
    """Find the distinct optima of the log joint that a quick search ends in, best first.

    Those that are negligibly low beside the best are left out.

    Datasets and mixtures are equal by content, so the chains of a run in one process search once.
    """
    sample = Dataset.from_values(_sample(dataset), dataset.columns)
    if np.any(np.ptp(sample.values, axis=0) == 0):
        return ()
    units = suited(sample, mixture)
    if units is None:
        training = compiled_engine.fit_map(sample, mixture, _SEARCH)
    else:
        found = compiled_engine.fit_map(units.dataset, units.mixture, _SEARCH)
        training = units.training(found)
    points = training.points
    sound = training.trained & ~training.broken & np.isfinite(training.final_loss)
    for r in map(int, np.flatnonzero(sound)):
        sound[r] = not is_collapsed(sample, mixture, points[r])
    basin = basins(training.final_loss, points, sound)
    firsts = [int(np.flatnonzero(basin == b)[0]) for b in range(basin.max() + 1)]
    worst = training.final_loss[firsts[0]] + _NEGLIGIBLE if firsts else 0.0
    return tuple(points[r] for r in firsts if training.final_loss[r] <= worst)


def _sample(dataset: Dataset) -> Array:
    """Rows to search on: all, or a fixed sample of many."""
    values = dataset.values
    if len(values) <= _ROWS:
        return values
    return values[np.sort(np.random.default_rng(0).choice(len(values), _ROWS, replace=False))]


def _likely_prior_draw(dataset: Dataset, mixture: Mixture, seed: int) -> Parameters:
    """Draw from the prior several times, and return the draw under which the data is likeliest."""
    points = prior_draws(mixture, dataset.values.shape[1], _PRIOR_DRAWS, seed)
    x = _sample(dataset)
    best = points[int(np.argmax([log_density(point, x).sum() for point in points]))]
    # A weight that underflows has no finite coordinate to begin at.
    weights = np.maximum(best.weights, _WEIGHT)
    return Parameters(weights / weights.sum(), best.locs, best.scale_tril)
