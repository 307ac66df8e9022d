"""What points of a mixture say of data: density, responsibilities, assignment, boundaries.

A value that is NaN is missing and integrated out, as the rest of its row says (missing at random).

Closed forms in NumPy, in log space, with Cholesky factors and no inverses. The density of the
mixture is written here once; whoever needs it at one point or at many asks `log_components`,
`log_density` or `e_step`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.mixture.observation import box_of, patterns
from gmm_core.mixture.parameters import Parameters

Array = NDArray[np.float64]

_LOG_2PI = float(np.log(2 * np.pi))
# Numbers of one block of points by data, 4 MB: the fastest of 0.03 to 2 million, in a core's cache.
_BLOCK = 500_000


def log_components(points: Parameters, values: ArrayLike) -> Array:
    """Log of weight times density of each component at each value, log w_k N(x_n | k).

    Parameters
    ----------
    points : K components in D dimensions, one point or a sequence of M.
    values : [N, D], or [N] when D = 1, in the units the points were fitted in; NaN is missing.

    Returns
    -------
    [M, K, N], or [K, N] of one point; -inf where a weight is zero. With noise it is
    the last of K + 1.

    Raises
    ------
    ValueError
        When the columns of `values` and `points` differ in number, a value is infinite, or a row
        has none.
    """
    sequence, x = _sequence(points), _table(points, values)
    log_densities = np.empty((*sequence.every_weight.shape, len(x)))
    for m, n, joint, _, _ in _blocks(sequence, x):
        log_densities[m, :, n] = joint
    return log_densities if points.lead else log_densities[0]


def component_log_densities(parameters: Parameters, values: ArrayLike) -> Array:
    """Return the `log_components` of one point with a row for each value [N, K]."""
    return np.ascontiguousarray(log_components(parameters, values).T)


def log_density(points: Parameters, values: ArrayLike) -> Array:
    """Log density of the mixture at each value: log sum_k w_k N(x_n | loc_k, covariance_k).

    Returns
    -------
    [N] of one point, [M, N] of a sequence; see `log_components` for the rest.
    """
    sequence, x = _sequence(points), _table(points, values)
    total = np.empty((len(sequence), len(x)))
    for m, n, joint, _, _ in _blocks(sequence, x):
        total[m, n] = log_sum_exp(joint, axis=1)
    return total if points.lead else total[0]


def e_step(points: Parameters, values: ArrayLike) -> tuple[Array, Array]:
    """Return log density and responsibilities at once, for one point or a sequence.

    Returns
    -------
    log density [M, N] and responsibilities [M, K, N], which sum to one over the components, with
    noise K + 1; of one point [N] and [K, N]. See `log_components` for arguments and errors.

    Notes
    -----
    Bishop (2006), Pattern Recognition and Machine Learning, eq. 9.23. Every value's largest term
    is subtracted before anything else: at log densities of -1e16, where components lie on one
    another, a log of their sum has no digits left to say how they share.
    """
    sequence, x = _sequence(points), _table(points, values)
    M, K = sequence.every_weight.shape
    density, shares = np.empty((M, len(x))), np.empty((M, K, len(x)))
    for m, n, joint, part, present in _blocks(sequence, x):
        top, near = _reachable(part, present, joint)
        near = np.exp(near - near.max(axis=1, keepdims=True))
        total = near.sum(axis=1)
        density[m, n] = top + np.log(total)
        shares[m, :, n] = near / total[:, None]
    return (density, shares) if points.lead else (density[0], shares[0])


def responsibilities(parameters: Parameters, values: ArrayLike) -> Array:
    """Probability that each value came from each component, p(z_n = k | x_n).

    Parameters
    ----------
    parameters : one point, K components in D dimensions.
    values : [N, D], or [N] when D = 1, in the units the parameters were fitted in.

    Returns
    -------
    [N, K], rows sum to one; with noise [N, K + 1], the noise last.

    Raises
    ------
    ValueError
        When the columns of `values` and `parameters` differ in number.
    """
    return np.ascontiguousarray(e_step(parameters, values)[1].T)


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
    x = _table(parameters, values)
    joint = np.empty((len(x), parameters.every_weight.shape[-1]))
    for _, n, block, part, present in _blocks(_sequence(parameters), x):
        joint[n] = _reachable(part, present, block)[1][0].T
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
    if parameters.noise is not None and parameters.box is not None:
        # Without the factor that all Gaussians have, a level is a parabola without a bend.
        level = np.log(parameters.noise * unit / parameters.box[0]) + 0.5 * _LOG_2PI
        a, b, c, K = np.append(a, 0.0), np.append(b, 0.0), np.append(c, level), K + 1
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


def log_sum_exp(values: Array, axis: int = -1) -> Array:
    """Log of the sum of exponentials along an axis; -inf where all of them are."""
    top = values.max(axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return safe.squeeze(axis) + np.log(np.exp(values - safe).sum(axis=axis))


def _sequence(points: Parameters) -> Parameters:
    """Return one point as a sequence of one."""
    return points if points.lead else points.reshape(1)


def _table(points: Parameters, values: ArrayLike) -> Array:
    """Check the values and return them as [N, D]."""
    D = points.locs.shape[-1]
    x = np.asarray(values, dtype=np.float64)
    if x.ndim <= 1:
        x = x.reshape(-1, 1)
    if x.ndim != 2 or x.shape[1] != D:
        raise ValueError(
            f"The values have shape {np.shape(values)}, but the parameters have {D} columns. "
            f"Give an array [N, {D}]."
        )
    if np.any(np.isinf(x)):
        raise ValueError("Some values are infinite. Give finite numbers, or NaN for missing ones.")
    if np.any(np.isnan(x).all(axis=1)):
        raise ValueError("Some rows have no value at all. Leave them out.")
    return x


_Rows = slice | NDArray[np.intp]


def _blocks(
    points: Parameters, x: Array
) -> Iterator[tuple[slice, _Rows, Array, Parameters, Array]]:
    """Go through `log_components` [M, K, N] in blocks that stay in a core's cache.

    Yields which points, which values, and their part [m, K, n], which may be written to; then
    these points and values, without the columns that are missing there.
    """
    if points.noise is not None and points.box is None:
        box = box_of(x)
        if not np.all(box > 0):
            raise ValueError(
                "The noise of these parameters has no box, and the values span none that it could "
                "fill. Give the parameters a box: the data's width in each column."
            )
        points = replace(points, box=np.broadcast_to(box, points.locs[..., 0, :].shape))
    missing = np.isnan(x)
    if not missing.any():
        for m, n, joint in _complete_blocks(points, x):
            yield m, n, joint, points[m], x[n]
        return
    for present, rows in patterns(missing):
        part, seen = points.marginal(np.flatnonzero(present)), x[np.ix_(rows, present)]
        for m, n, joint in _complete_blocks(part, seen):
            yield m, rows[n], joint, part[m], seen[n]


def _complete_blocks(points: Parameters, x: Array) -> Iterator[tuple[slice, slice, Array]]:
    (M, K, D), N = points.locs.shape, len(x)
    n = max(1, min(N, _BLOCK // (K * D)))
    m = max(1, _BLOCK // (K * D * n))
    with np.errstate(divide="ignore"):
        log_weights = np.log(points.weights)
    diagonal = np.diagonal(points.scale_tril, axis1=-2, axis2=-1)
    constant = log_weights - np.log(diagonal).sum(axis=-1) - 0.5 * D * _LOG_2PI
    level = None
    if points.noise is not None and points.box is not None:
        with np.errstate(divide="ignore"):
            level = np.log(points.noise) - np.log(points.box).sum(axis=-1)
    columns = np.ascontiguousarray(x.T)
    for first in range(0, M, m):
        some = slice(first, first + m)
        locs, factors = points.locs[some], points.scale_tril[some]
        for begin in range(0, N, n):
            rows = slice(begin, begin + n)
            joint = _squared_distances(columns[:, rows], locs, factors)
            joint *= -0.5
            joint += constant[some, :, None]
            if level is not None:
                noise = np.broadcast_to(level[some, None, None], (len(joint), 1, joint.shape[2]))
                joint = np.concatenate([joint, noise], axis=1)
            yield some, rows, joint


def _squared_distances(columns: Array, locs: Array, factors: Array) -> Array:
    """Squared distances [m, K, n] of values [D, n] in units of each component's covariance.

    By forward substitution, row by row for all components at once: for few columns LAPACK's call
    costs more than the arithmetic.
    """
    D = len(columns)
    z = np.empty((D, *locs.shape[:2], columns.shape[1]))
    squares = np.zeros(z.shape[1:])
    used = [[bool(factors[..., i, j].any()) for j in range(i)] for i in range(D)]
    # A value whose squared distance overflows has density zero: -inf is the right limit.
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(D):
            np.subtract(columns[i], locs[..., i, None], out=z[i])
            if sum(used[i]) > 2:  # from here on a product of matrices is faster
                before = np.moveaxis(z[:i], 0, 2)
                z[i] -= np.matmul(factors[..., i, None, :i], before)[:, :, 0]
            else:
                for j in np.flatnonzero(used[i]):
                    z[i] -= factors[..., i, j, None] * z[j]
            z[i] /= factors[..., i, i, None]
            squares += z[i] ** 2
    if D > 1:
        squares[np.isnan(squares)] = np.inf
    return squares


def _reachable(points: Parameters, x: Array, joint: Array) -> tuple[Array, Array]:
    """Return the largest log component [m, n], and all with a finite one for each value [m, K, n].

    A value so far out that every squared distance overflows belongs to the component that is
    nearest in its own scale: there the widest takes all.
    """
    weights, locs, factors = points.weights, points.locs, points.scale_tril
    top = joint.max(axis=1)
    for m in np.flatnonzero(~np.isfinite(top).all(axis=1)):
        L = factors[m] / factors[m].max()
        for n in np.flatnonzero(~np.isfinite(top[m])):
            # Divided by the largest value and scale there is, and so again within reach.
            size = np.abs(x[n]).max()
            z = np.linalg.solve(L, (x[n] / size - locs[m] / size)[..., None])[..., 0]
            distance = np.where(weights[m] > 0, np.abs(z).max(axis=1), np.inf)
            joint[m, :, n] = np.where(np.arange(joint.shape[1]) == distance.argmin(), 0.0, -np.inf)
    return top, joint


def _real_roots(a: float, b: float, c: float) -> list[float]:
    """Real roots of a x^2 + b x + c, by the formula that does not cancel."""
    if abs(a) < 1e-300:
        return [] if b == 0 else [-c / b]
    discriminant = b * b - 4 * a * c
    if discriminant <= 0:
        return []
    q = -0.5 * (b + np.copysign(np.sqrt(discriminant), b))
    return [q / a] if q == 0 else [q / a, c / q]
