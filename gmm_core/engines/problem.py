"""A dataset and a mixture, packed for the compiled kernel, and the way between sites and numbers.

The coordinates are Pyro's own: for the MAP those of its parameter store (a softmax over K logits
for weights), for sampling those of `biject_to` (stick-breaking, K - 1 numbers); in both the
logarithm for scales and torch's CorrCholeskyTransform for correlations.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.engines import kernel
from gmm_core.mixture import Mixture

Array = NDArray[np.float64]
Sites = dict[str, Array]
Coordinates = Literal["store", "bijection"]


@dataclass(frozen=True, eq=False)
class Problem:
    """What `kernel.log_joint` takes besides the point, and where each site lies in the point.

    Attributes
    ----------
    x : [D, N], the data, one contiguous column after the other.
    size : P, the count of coordinates.
    slices : for each site where its coordinates lie.
    shapes : for each site the shape of its coordinates.
    """

    mixture: Mixture
    sticks: bool
    x: Array
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
        sticks = coordinates == "bijection"
        if jacobian and not sticks:
            raise ValueError(
                "The softmax maps K logits to K - 1 free weights and has no Jacobian. "
                'Use coordinates="bijection".'
            )
        N, D = dataset.values.shape
        K, priors = mixture.n_components, mixture.priors
        correlated = mixture.has_correlations(D)
        per_column = mixture.covariance != "spherical"
        S = D if per_column else 1
        G = 1 if mixture.tied else K
        C = D * (D - 1) // 2 if correlated else 0
        one = float(jacobian)

        constant = 0.0
        c = priors.concentration
        if c is not None:
            constant += lgamma(K * c) - K * lgamma(c)
        loc_mean, loc_scale = priors.columns("loc_mean", D), priors.columns("loc_scale", D)
        # A precision of zero takes a normal prior out of the objective, gradient included.
        locs = np.zeros((2, D))
        if loc_mean is not None and loc_scale is not None:
            locs[:] = loc_mean, 1 / loc_scale
            constant -= K * float((np.log(loc_scale) + 0.5 * log(2 * pi)).sum())
        scales = np.zeros((2, S))
        scale_power = one
        scale_prior = mixture.scale_prior(D)
        if scale_prior is not None:
            log_mean, log_sd = scale_prior
            scales[0], scales[1] = log_mean, 1 / log_sd
            scale_power -= 1
            every = np.broadcast_to(np.log(log_sd) + 0.5 * log(2 * pi), (S,))
            constant -= G * float(every.sum())
        rows, columns = np.tril_indices(D, -1)
        power = np.zeros(C)
        if correlated:
            # Each is the power of 1 / cosh of its coordinate: the LKJ density's, the Jacobian's.
            eta = priors.correlation
            if eta is not None:
                power += 2 * (eta - 1) + D - 1 - rows
                constant -= G * _log_lkj_volume(eta, D)
            power += one * (rows + 1 - columns)
        head = [constant, 0.0 if c is None else c - 1, scale_power, one]

        # Log densities of a block fit into the first cache, whitened data into the second.
        block = min(N, 512 if K <= 8 else 128)
        if correlated:
            block = min(block, max(32, 16_384 // (K * (D + 1)) // 32 * 32))
        free = K - 1 if sticks else K
        sizes = {"weights": free, "locs": K * D, "scale": G * S, "correlation": G * C}
        shapes = {
            "weights": (free,),
            "locs": (K, D),
            "scale": mixture.scale_shape(D),
            "correlation": (C,) if mixture.tied else (K, C),
        }
        if not correlated:
            del sizes["correlation"], shapes["correlation"]
        ends = np.cumsum(list(sizes.values())).tolist()
        matrices = 2 * G * D * D + K * D * block if correlated else 0
        return cls(
            mixture=mixture,
            sticks=sticks,
            # A copy, for the dataset's own values are read-only and would be another type to numba.
            x=np.array(dataset.values.T, order="C"),
            numbers=np.concatenate([head, *locs, *scales, power]),
            layout=np.array([K, D, correlated, mixture.tied, per_column, sticks, block]),
            work_size=3 * K + 3 * K * D + (K + 2) * block + matrices,
            size=ends[-1],
            slices={n: slice(end - sizes[n], end) for n, end in zip(sizes, ends, strict=True)},
            shapes=shapes,
        )

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
        found = {
            "weights": _sticks(free["weights"]) if self.sticks else _softmax(free["weights"]),
            "locs": free["locs"],
            "scale": np.exp(free["scale"]),
        }
        if "correlation" in free:
            found["correlation"] = _factor(free["correlation"], self.x.shape[0])
        return found

    def unconstrain(self, sites: Sites) -> Array:
        """Coordinates [..., P] of the model's sites; the inverse of `constrain`."""
        lead = sites["weights"].shape[:-1]
        w = np.asarray(sites["weights"])
        free = {
            "weights": _unsticks(w) if self.sticks else np.log(w),
            "locs": np.asarray(sites["locs"]),
            "scale": np.log(sites["scale"]),
        }
        if "correlation" in self.slices:
            free["correlation"] = _unfactor(np.asarray(sites["correlation"]))
        flat = [free[n].reshape(*lead, s.stop - s.start) for n, s in self.slices.items()]
        return np.concatenate(flat, axis=-1)


def _softmax(u: Array) -> Array:
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _offsets(n: int) -> Array:
    return np.log(np.arange(n, 0, -1.0))


def _sticks(u: Array) -> Array:
    a = u - _offsets(u.shape[-1])
    tail = np.log1p(np.exp(-np.abs(a)))
    log_z, log_rest = np.minimum(a, 0) - tail, np.minimum(-a, 0) - tail
    before = np.concatenate([np.zeros_like(a[..., :1]), np.cumsum(log_rest, -1)], axis=-1)[
        ..., : a.shape[-1]
    ]
    last = log_rest.sum(axis=-1, keepdims=True)
    w = np.exp(np.concatenate([before + log_z, last], axis=-1))
    return w / w.sum(axis=-1, keepdims=True)


def _unsticks(w: Array) -> Array:
    # What is left after each: summed from the end, where it is small.
    rest = np.cumsum(w[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    return np.log(w[..., :-1]) - np.log(rest) + _offsets(w.shape[-1] - 1)


def _factor(u: Array, D: int) -> Array:
    rows, columns = np.tril_indices(D, -1)
    free = np.zeros((*u.shape[:-1], D, D))
    free[..., rows, columns] = u
    log_cosh = np.abs(free) + np.log1p(np.exp(-2 * np.abs(free))) - np.log(2)
    rest = np.exp(log_cosh - np.cumsum(log_cosh, axis=-1))
    return np.tril((np.tanh(free) + np.eye(D)) * rest)


def _unfactor(factor: Array) -> Array:
    D = factor.shape[-1]
    rows, columns = np.tril_indices(D, -1)
    # What the entries to the right leave of each row's length of one.
    squares = factor**2
    rest = np.sqrt(np.cumsum(squares[..., ::-1], axis=-1)[..., ::-1])
    return np.arctanh(factor[..., rows, columns] / rest[..., rows, columns])


def _log_lkj_volume(eta: float, D: int) -> float:
    """Log of the LKJ density's normalisation (Lewandowski, Kurowicka and Joe 2009, p. 1999)."""
    n, alpha = D - 1, eta + 0.5 * (D - 1)
    multi = n * (n - 1) / 4 * log(pi) + sum(lgamma(alpha - 0.5 - 0.5 * i) for i in range(n))
    return 0.5 * n * log(pi) + multi - n * lgamma(alpha)
