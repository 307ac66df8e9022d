"""The search: many kinds of starts, then components taken from where they are to other places.

One kind of start can miss the best optimum however often it is tried; what is found by several
kinds is believable. A search of R starts is

- mixed ones, in turn points far apart and points drawn evenly, each once as locs alone and twice
  with the M-step of the points nearest to them, near in units of the columns' spread and of the
  spread along the principal axes: where columns are correlated, only the latter tells groups apart
  that lie side by side along a long common axis;
- two trees (`beginnings.tree`);
- what a sweep hands on: the best of K - 1 with a component split, the optima of nested families;
- for half of R swaps: from the best so far a component is taken away and in turn put on a random
  point (Zhao, Hautamaki and Franti 2012, of k-means) or made of half of another, and where that
  leads is kept when it is better.

An optimum leads only where every component holds enough points (`verdicts.fewest_points`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import beginnings
from gmm_core.engines.climb import Climb
from gmm_core.engines.starts import in_order_of_classes, start_locs, start_sites
from gmm_core.engines.training import Training
from gmm_core.mixture import Mixture, Parameters, from_sites, sites, stacked
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import OnProgress
from gmm_core.runs.search_report import SWAPS
from gmm_core.runs.verdicts import POLISHED, collapsed, fewest_points, held

Array = NDArray[np.float64]
Start = tuple[str, Parameters]

TREES = 2
# Swaps of one round begin at the same optimum and go side by side.
_ROUND = 5
_SWAP = dict(zip(SWAPS, (beginnings.swapped, beginnings.split_elsewhere), strict=True))


def search(
    dataset: Dataset,
    mixture: Mixture,
    options: MapOptions,
    on_progress: OnProgress | None = None,
    more: Sequence[Start] = (),
) -> Training:
    """Search for the best optimum; see the module.

    Parameters
    ----------
    more : starts beside those of the search, each with the name of its kind.
    """
    R = options.restarts
    swaps = R // 2 if mixture.n_components > 1 else 0
    first = [*mixed_starts(dataset, mixture, options, R - swaps), *more]
    origin = [name for name, _ in first] + [SWAPS[i % len(SWAPS)] for i in range(swaps)]
    with Climb(dataset, mixture, options, len(origin), on_progress) as climb:
        climb.go(_together(dataset, mixture, [point for _, point in first]))
        rng = np.random.default_rng(options.first_seed)
        while climb.reached < len(origin):
            count = min(_ROUND, len(origin) - climb.reached)
            best = leader(dataset, climb.training)
            point = climb.training.points[best]
            moved = [
                _SWAP[kind](dataset, mixture, point, rng)
                for kind in origin[climb.reached : climb.reached + count]
            ]
            climb.go(_together(dataset, mixture, moved))
    climb.training.origin = np.array(origin)
    return climb.training


def mixed_starts(
    dataset: Dataset, mixture: Mixture, options: MapOptions, count: int
) -> list[Start]:
    """Return the mixed starts and the trees, `count` in all, each with the name of its kind."""
    trees = min(TREES, max(count - 1, 0))
    K, seed = mixture.n_components, options.first_seed
    each = -(-(count - trees) // 6)  # of both kinds, each drawn once and used three times
    locs_by_kind = {
        kind: start_locs(
            dataset, K, options.model_copy(update={"start": kind, "restarts": max(each, 1)})
        )
        for kind in ("kmeans++", "subsample")
    }
    x = beginnings.sample(dataset, seed)
    starts: list[Start] = []
    for i in range(count - trees):
        kind = ("kmeans++", "subsample")[i // 3 % 2]
        locs = locs_by_kind[kind][i // 6]
        if i % 3 == 0:
            starts.append((kind, from_sites(mixture, start_sites(dataset, mixture, locs))))
        else:
            sphered = i % 3 == 2
            labels = beginnings.nearest(x, locs, sphered=sphered)
            name = f"{kind} sphered groups" if sphered else f"{kind} groups"
            starts.append((name, beginnings.of_labels(mixture, x, labels)))
    for i in range(trees):
        name = "sphered tree" if (seed + i) % 2 else "tree"
        starts.append((name, beginnings.tree(dataset, mixture, seed + i)))
    return starts


def leader(dataset: Dataset, training: Training) -> int:
    """Return the best restart so far: an optimum with enough points each before any other.

    Where there is none, one with enough points comes before one that has settled.
    """
    made = training.trained & ~training.broken & ~training.collapsed
    loss = np.where(made, training.final_loss, np.inf)
    fewest = fewest_points(dataset)
    best, rank = int(np.argmin(loss)), 3
    points = training.points
    # From the best down: the first that is all that it should be is what is looked for.
    for r in map(int, np.argsort(loss, kind="stable")[: int(made.sum())]):
        settled = bool(training.gradient[r] <= POLISHED)
        if rank <= int(not settled):
            continue
        point, sizes = points[r].reshape(1), training.held[r : r + 1]
        if collapsed(dataset, training.mixture, point, sizes)[0]:
            continue
        if np.isnan(sizes).any():
            sizes = held(point, dataset)
        standing = int(not settled) + 2 * int(sizes.min() < fewest)
        if standing < rank:
            best, rank = r, standing
        if rank == 0:
            break
    return best


def _together(dataset: Dataset, mixture: Mixture, points: Sequence[Parameters]) -> dict[str, Array]:
    """Return points as the model's sites, with a leading axis."""
    begun = [
        in_order_of_classes(dataset, mixture, beginnings.with_some_noise(point)) for point in points
    ]
    return sites(mixture, stacked(begun))
