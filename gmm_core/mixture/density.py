"""What one point says of data: density, responsibilities, assignment, boundaries.

Closed forms in NumPy and SciPy, in log space, with Cholesky factors and no inverses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))


def component_log_densities(parameters: Parameters, values: ArrayLike) -> Array:
    """Log of weight times density of each component at each point, log w_k N(x_n | k).

    Parameters
    ----------
    parameters : K components in D dimensions.
    values : [N, D], or [N] when D = 1, in the units the parameters were fitted in.

    Returns
    -------
    [N, K]; -inf where a weight is zero.

    Raises
    ------
    ValueError
        When the columns of `values` and `parameters` differ in number, or a value is not finite.
    """
    K, D = parameters.locs.shape
    x = np.asarray(values, dtype=np.float64)
    if x.ndim <= 1:
        x = x.reshape(-1, 1)
    if x.ndim != 2 or x.shape[1] != D:
        raise ValueError(
            f"The values have shape {np.shape(values)}, but the parameters have {D} columns. "
            f"Give an array [N, {D}]."
        )
    if not np.all(np.isfinite(x)):
        raise ValueError("Some values are not finite. Leave out NaN and infinite values.")
    with np.errstate(divide="ignore"):
        log_weights = np.log(parameters.weights)
    result = np.empty((len(x), K))
    for k in range(K):
        L = parameters.scale_tril[k]
        # Solved row by row: for few columns LAPACK's call costs more than the arithmetic, and on a
        # busy machine its threads wait for each other.
        z = np.subtract(x.T, parameters.locs[k][:, None], order="C")
        for i in range(D):
            if i and L[i, :i].any():
                z[i] -= L[i, :i] @ z[:i]
            z[i] /= L[i, i]
        # A point whose squared distance overflows has density zero: -inf is the right limit.
        with np.errstate(over="ignore"):
            distance = np.einsum("dn,dn->n", z, z)
        distance[np.isnan(distance)] = np.inf
        constant = log_weights[k] - np.log(np.diagonal(L)).sum() - 0.5 * D * _LOG_2PI
        result[:, k] = constant - 0.5 * distance
    return result


def log_density(parameters: Parameters, values: ArrayLike) -> Array:
    """Log density of the mixture at each point [N]: log sum_k w_k N(x_n | loc_k, covariance_k)."""
    return _logsumexp(component_log_densities(parameters, values))


def responsibilities(parameters: Parameters, values: ArrayLike) -> Array:
    """Probability that each point came from each component, p(z_n = k | x_n).

    Parameters
    ----------
    parameters : K components in D dimensions.
    values : [N, D], or [N] when D = 1, in the units the parameters were fitted in.

    Returns
    -------
    [N, K], rows sum to one.

    Raises
    ------
    ValueError
        When the columns of `values` and `parameters` differ in number.

    Notes
    -----
    Bishop (2006), Pattern Recognition and Machine Learning, eq. 9.23, computed in log space.
    """
    joint = _reachable(parameters, values)
    return np.exp(joint - _logsumexp(joint)[:, None])


def assign(
    parameters: Parameters, values: ArrayLike, temperature: float = 0, seed: int = 0
) -> NDArray[np.int64]:
    """Component of each point [N]: the most probable one, or one drawn at random.

    Parameters
    ----------
    temperature : 0 takes the most probable component, 1 draws from the posterior assignment;
        in general the draw is from probabilities proportional to p^(1 / temperature).
    seed : of the draw; the same seed draws the same assignment.

    Raises
    ------
    ValueError
        When the temperature is negative or not finite, or the values do not fit.

    Notes
    -----
    The draw is the Gumbel-max trick: argmax of log p / T plus Gumbel noise.
    """
    if not (np.isfinite(temperature) and temperature >= 0):
        raise ValueError(
            f"The temperature is {temperature}. Give 0 for the most probable component, 1 for a "
            "draw from the posterior assignment, or another number above 0."
        )
    joint = _reachable(parameters, values)
    if temperature > 0:
        noise = np.random.default_rng(seed).gumbel(size=joint.shape)
        joint = (joint - joint.max(axis=1, keepdims=True)) / temperature + noise
    return joint.argmax(axis=1)


def boundaries(parameters: Parameters) -> Array:
    """Where the most probable component changes along a single column, ascending [B].

    Log w_k N(x | k) is a parabola in x, so two components change places at the roots of the
    difference of theirs. Of all such roots those remain where the largest parabola changes.

    Raises
    ------
    ValueError
        When D > 1: the boundary is a surface then, not a list of points.
    """
    K, D = parameters.locs.shape
    if D != 1:
        raise ValueError(f"Boundaries are points only for D = 1, but the parameters have D = {D}.")
    # Centred and scaled, so that the quadratic formula keeps its digits at locations of 1e8.
    centre, unit = parameters.locs.mean(), parameters.scale_tril[:, 0, 0].max()
    m = (parameters.locs[:, 0] - centre) / unit
    s = parameters.scale_tril[:, 0, 0] / unit
    with np.errstate(divide="ignore"):
        a, b = -0.5 / s**2, m / s**2
        c = np.log(parameters.weights) - np.log(s) - 0.5 * (m / s) ** 2
    roots: list[float] = []
    for i in range(K):
        for j in range(i + 1, K):
            if np.isfinite(c[i]) and np.isfinite(c[j]):
                roots += _real_roots(a[i] - a[j], b[i] - b[j], c[i] - c[j])
    edges = np.unique(roots)
    if not edges.size:
        return edges
    probes = np.concatenate([[edges[0] - 1], (edges[:-1] + edges[1:]) / 2, [edges[-1] + 1]])
    winner = (a * probes[:, None] ** 2 + b * probes[:, None] + c).argmax(axis=1)
    return edges[winner[:-1] != winner[1:]] * unit + centre


def _reachable(parameters: Parameters, values: ArrayLike) -> Array:
    """Component log densities [N, K], with a finite one in every row.

    A point so far out that every squared distance overflows belongs to the component that is
    nearest in its own scale: there the widest takes all.
    """
    joint = component_log_densities(parameters, values)
    far = np.flatnonzero(~np.isfinite(joint.max(axis=1)))
    if far.size:
        x = np.asarray(values, dtype=np.float64).reshape(len(joint), -1)[far]
        # Divided by the largest value and scale there is, and so again within reach.
        L = parameters.scale_tril / parameters.scale_tril.max()
        for row, point in zip(far, x, strict=True):
            size = np.abs(point).max()
            z = np.linalg.solve(L, (point / size - parameters.locs / size)[..., None])[..., 0]
            distance = np.where(parameters.weights > 0, np.abs(z).max(axis=1), np.inf)
            joint[row] = np.where(np.arange(len(distance)) == distance.argmin(), 0.0, -np.inf)
    return joint


def _logsumexp(rows: Array) -> Array:
    """Log of the sum of exponentials of each row [N]; -inf for a row of -inf."""
    top = rows.max(axis=1)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return safe + np.log(np.exp(rows - safe[:, None]).sum(axis=1))


def _real_roots(a: float, b: float, c: float) -> list[float]:
    """Real roots of a x^2 + b x + c, by the formula that does not cancel."""
    if abs(a) < 1e-300:
        return [] if b == 0 else [-c / b]
    discriminant = b * b - 4 * a * c
    if discriminant <= 0:
        return []
    q = -0.5 * (b + np.copysign(np.sqrt(discriminant), b))
    return [q / a] if q == 0 else [q / a, c / q]
