"""A dataset and a mixture, packed for the compiled kernel; the coordinates are `coordinates`'."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi, prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import conjugate, families, kernel
from gmm_core.engines.coordinates import FROM_SITE, TO_SITE, softmax, sticks, unsticks
from gmm_core.engines.layout import NO_FACTORS, ONE_FACTOR, OWN_FACTORS
from gmm_core.engines.pair import compiled
from gmm_core.mixture import Mixture, Parameters, from_sites
from gmm_core.mixture.observation import Observation, observed, patterns

Array = NDArray[np.float64]
Sites = dict[str, Array]
Coordinates = Literal["store", "bijection"]


def _rows(values: Array, seen: Observation) -> tuple[Array, tuple[int, int, int]]:
    """Lay the data out for the kernel, and say which rows hold weights, components and patterns.

    Points of weight zero are not there; points with the same columns stand side by side.
    """
    D = values.shape[1]
    # A copy, for the dataset's own values are read-only and would be another type to numba.
    if seen.weights is None and seen.component is None and not seen.incomplete:
        return np.array(values.T, order="C"), (0, 0, 0)
    rows, order = [values.T], np.arange(len(values))
    where = {"weight": 0, "component": 0, "pattern": 0}
    if seen.weights is not None:
        where["weight"] = D
        rows.append(seen.weights[None])
        order = order[seen.weights > 0]
    if seen.component is not None:
        where["component"] = sum(map(len, rows))
        rows.append(seen.component[None].astype(np.float64))
    if seen.incomplete:
        where["pattern"] = sum(map(len, rows))
        rows.append(np.zeros((1, len(values))))
        groups = [order[kind] for _, kind in patterns(np.isnan(values[order]))]
        order = np.concatenate(groups)
        for group in groups:
            rows[-1][0, group] = np.arange(len(group), 0, -1)
    return np.concatenate(rows)[:, order], (where["weight"], where["component"], where["pattern"])


@dataclass(frozen=True, eq=False)
class Problem:
    """What `kernel.log_joint` takes besides the point, and where each site lies in the point.

    Attributes
    ----------
    x : [D + E, N], the data, one contiguous column after the other, and behind the columns what
        else there is of each point (see `kernel.log_joint`).
    spread : [D], standard deviation of each column, of what is there.
    total : how many points the data counts as.
    box : [D] or None, widths of the box of the noise.
    size : P, the count of coordinates.
    slices : for each site where its coordinates lie.
    shapes : for each site the shape of its coordinates.
    """

    mixture: Mixture
    sticks: bool
    x: Array
    spread: Array
    total: float
    box: Array | None
    numbers: Array
    layout: NDArray[np.int64]
    work_size: int
    size: int
    slices: dict[str, slice]
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        mixture: Mixture,
        coordinates: Coordinates = "store",
        jacobian: bool = False,
    ) -> Problem:
        """Pack data and priors.

        Parameters
        ----------
        coordinates : "store" for softmax weights, "bijection" for stick-breaking ones.
        jacobian : add log |Jacobian| of the map from coordinates to sites, as sampling needs.

        Raises
        ------
        ValueError
            When a Jacobian is asked of the softmax, which is not one to one.
        """
        stick_breaking = coordinates == "bijection"
        if jacobian and not stick_breaking:
            raise ValueError(
                "The softmax maps K logits to K - 1 free weights and has no Jacobian. "
                'Use coordinates="bijection".'
            )
        D = dataset.values.shape[1]
        K, W, priors = mixture.n_components, mixture.n_weights, mixture.priors
        seen = observed(dataset, mixture)
        x, rows = _rows(dataset.values, seen)
        N = x.shape[1]
        family = mixture.family
        pair = families.PAIRS[family.code]
        constant = 0.0
        c = priors.concentration
        if c is not None:
            constant += lgamma(W * c) - W * lgamma(c)
        loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
        # A precision of zero takes a normal prior out of the objective, gradient included.
        locs = np.zeros((2, D))
        if loc_mean is not None and loc_scale is not None:
            locs[:] = loc_mean, 1 / loc_scale
            constant -= K * float((np.log(loc_scale) + 0.5 * log(2 * pi)).sum())
        packed = pair.pack(mixture, D, jacobian)
        for term in packed.constants:
            constant += term
        believed, of_conjugate = conjugate.pack(mixture, D)
        constant += believed
        head = [constant, 0.0 if c is None else c - 1, float(jacobian)]
        kind, G = NO_FACTORS, 0
        if not family.diagonal(D):
            kind, G = (OWN_FACTORS, K) if family.own(D) else (ONE_FACTOR, 1)

        # Log densities of a block fit into the first cache, whitened data into the second.
        block = min(N, 512 if K <= 8 else 128)
        if G:
            block = min(block, max(32, 16_384 // (K * (D + 1)) // 32 * 32))
        free = W - 1 if stick_breaking else W
        shapes = {"weights": (free,), "locs": (K, D)}
        shapes |= {site.name: site.free for site in family.sites(K, D)}
        sizes = {name: prod(shape) for name, shape in shapes.items()}
        ends = np.cumsum(list(sizes.values())).tolist()
        matrices = 2 * G * D * D + K * D * block if G else 0
        if seen.incomplete:
            matrices += K * (2 + 4 * D + 3 * D * D + D * block) + D * block + D
        box = np.zeros(D) if seen.box is None else np.log(seen.box)
        addresses = [compiled(call).address for call in (pair.expand, pair.pull)]
        numbers = np.concatenate([head, *locs, box, packed.numbers])
        where = len(numbers) if len(of_conjugate) else 0
        return cls(
            mixture=mixture,
            sticks=stick_breaking,
            x=x,
            spread=x.std(axis=1) if len(x) == D else np.sqrt(dataset.moments()[1]),
            total=dataset.total,
            box=seen.box,
            numbers=np.concatenate([numbers, of_conjugate]),
            layout=np.array(
                [K, D, stick_breaking, block, kind, *addresses, W, *rows, where, *packed.layout]
            ),
            work_size=K + 2 * W + 4 * K * D + (W + 2) * block + matrices,
            size=ends[-1],
            slices={n: slice(end - sizes[n], end) for n, end in zip(sizes, ends, strict=True)},
            shapes=shapes,
        )

    @property
    def n_columns(self) -> int:
        """How many columns the data has, D."""
        return len(self.spread)

    def points(self, q: Array) -> Parameters:
        """Return the points of coordinates [..., P], with the noise's box where there is noise."""
        return from_sites(self.mixture, self.constrain(q), self.box)

    def value_and_gradient(self, q: Array) -> tuple[float, Array]:
        """Log joint and its gradient [P] at one point [P]."""
        gradient = np.empty(self.size)
        work = np.empty(self.work_size)
        value = kernel.log_joint(q, self.x, self.numbers, self.layout, work, gradient)
        return value, gradient

    def split(self, q: Array) -> Sites:
        """Coordinates [..., P] as one array for each site, unconstrained."""
        lead = q.shape[:-1]
        return {n: np.reshape(q[..., s], (*lead, *self.shapes[n])) for n, s in self.slices.items()}

    def constrain(self, q: Array) -> Sites:
        """Model's sites of coordinates [..., P]."""
        free = self.split(q)
        weights = free.pop("weights")
        by_site = {"weights": sticks(weights) if self.sticks else softmax(weights)}
        by_site["locs"] = free.pop("locs")
        return by_site | {name: TO_SITE[name](values) for name, values in free.items()}

    def unconstrain(self, sites: Sites) -> Array:
        """Coordinates [..., P] of the model's sites; the inverse of `constrain`."""
        lead = sites["weights"].shape[:-1]
        w = np.asarray(sites["weights"])
        free = {"weights": unsticks(w) if self.sticks else np.log(w), "locs": sites["locs"]}
        for name in self.slices:
            if name in FROM_SITE:
                free[name] = FROM_SITE[name](np.asarray(sites[name]))
        flat = [
            np.asarray(free[n]).reshape(*lead, s.stop - s.start) for n, s in self.slices.items()
        ]
        return np.concatenate(flat, axis=-1)
