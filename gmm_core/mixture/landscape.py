"""The objective at many points at once: along the course of a fit, and over a slice.

Vectorised NumPy, so that a page can draw it without an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.mixture import Mixture, Parameters, log_density, log_prior_terms

Array = NDArray[np.float64]

# Numbers in one chunk of points: about 8 MB, which stays in the cache of most machines.
_CHUNK = 1_000_000
# Numbers that all points of a slice may take: about a quarter of a second.
_BUDGET = 15_000_000
# A slice of this many points a side shows a basin as one, and is drawn in a blink.
SIDE = 48
# Logits beyond these are weights that nothing on a screen tells apart from 0 and 1.
_LOGIT = 46.0


def log_likelihoods(values: Array, points: Parameters) -> Array:
    """Log likelihood of the data [N, D] at each point of a sequence [M]."""
    step = max(1, _CHUNK // len(values))
    parts = (points[first : first + step] for first in range(0, len(points), step))
    return np.concatenate([log_density(part, values).sum(axis=1) for part in parts])


def course(mixture: Mixture, points: Parameters, loss: ArrayLike) -> dict[str, Array]:
    """Split the objective along a fit: log likelihood and one log prior term per site.

    Parameters
    ----------
    points : the fit's points, with a leading [M].
    loss : [M], minus the log joint at each of them.

    Returns
    -------
    {"likelihood": [M], site: [M], ...}, in the order of `log_joint_terms`. The likelihood is what
    the priors leave of the log joint, so data of any size costs nothing.
    """
    priors = log_prior_terms(mixture, points)
    likelihood = -np.asarray(loss, dtype=np.float64)
    for term in priors.values():
        likelihood = likelihood - term
    return {"likelihood": likelihood, **priors}


@dataclass(frozen=True)
class Coordinate:
    """One number of a point: a loc, a standard deviation, a weight or a correlation.

    `component` is None for what all components share, `column` for a scale that all columns share,
    and for a weight. A correlation is that of `column` and `other` given the columns besides, the
    partial one: it may be anything between -1 and 1 whatever the others are. Of two columns it is
    the plain one.
    """

    site: Literal["locs", "scale", "weights", "correlation"]
    component: int | None = None
    column: int | None = None
    other: int | None = None

    @property
    def axis(self) -> str:
        """How it is spaced: "linear", "log" for scales, "logit" for weights."""
        return {"scale": "log", "weights": "logit"}.get(self.site, "linear")

    def read(self, points: Parameters) -> Array:
        """Return its value at a point, or at every point of a sequence [M]."""
        k, d = self.component or 0, self.column or 0
        if self.site == "weights":
            return points.weights[..., k]
        if self.site == "correlation":
            factor = _last_two(points.scale_tril[..., k, :, :], self._order(points))
            across, own = factor[..., -1, -2], factor[..., -1, -1]
            return across * np.sign(factor[..., -2, -2]) / np.hypot(across, own)
        if self.site == "scale" and self.column is None and points.locs.shape[-1] > 1:
            # One size for all columns: the geometric mean along the covariance's own axes.
            return np.exp(np.log(_diagonal(points.scale_tril[..., k, :, :])).mean(-1))
        return (points.locs if self.site == "locs" else points.scales)[..., k, d]

    def spaced(self, values: ArrayLike) -> Array:
        """Return where values [...] stand on its own axis: themselves, log10 or logit."""
        v = np.asarray(values, dtype=np.float64)
        if self.axis == "linear":
            return v
        with np.errstate(divide="ignore"):
            if self.site == "scale":
                return np.log10(v)
            return np.clip(np.log(v) - np.log1p(-v), -_LOGIT, _LOGIT)

    def unspaced(self, places: ArrayLike) -> Array:
        """Return the values at places on its own axis; the inverse of `spaced`."""
        v = np.asarray(places, dtype=np.float64)
        if self.axis == "linear":
            return v
        return 10.0**v if self.site == "scale" else 1 / (1 + np.exp(-v))

    def put(self, point: Parameters, places: Array, into: dict[str, Array]) -> None:
        """Write places [M] on its own axis into a sequence of points, which begins as `point`.

        A scale keeps its correlations; the other weights keep their shares of what is left.
        """
        every = slice(None)
        k = every if self.component is None else self.component
        d = every if self.column is None else self.column
        if self.site == "locs":
            into["locs"][:, k, d] = places
        elif self.site == "correlation":
            order = self._order(point)
            numbers = range(len(point.weights)) if self.component is None else [self.component]
            for one in numbers:
                factor = _last_two(into["scale_tril"][:, one], order)
                tail = np.hypot(factor[:, -1, -2], factor[:, -1, -1])
                factor[:, -1, -2] = places * np.sign(factor[:, -2, -2]) * tail
                factor[:, -1, -1] = np.sqrt((1 - places) * (1 + places)) * tail
                lower = _lower(factor[:, np.argsort(order)])
                into["scale_tril"][:, one] = lower * np.sign(_diagonal(lower))[:, None, :]
        elif self.site == "scale":
            factor = self.unspaced(places) / self.read(point)
            rows = into["scale_tril"][:, k, d]
            into["scale_tril"][:, k, d] = rows * factor.reshape(-1, *[1] * (rows.ndim - 1))
        else:
            others = np.delete(point.weights, self.component or 0)
            whole = others.sum()
            shares = others / whole if whole > 0 else np.full(len(others), 1 / len(others))
            # 1 - w of a logit, without cancellation.
            left = 1 / (1 + np.exp(places))
            rest = [i for i in range(len(point.weights)) if i != self.component]
            into["weights"][:, rest] = left[:, None] * shares
            into["weights"][:, self.component or 0] = self.unspaced(places)

    def _order(self, points: Parameters) -> list[int]:
        """All columns, with the two of a correlation last."""
        ends = [self.other or 0, self.column or 0]
        return [d for d in range(points.locs.shape[-1]) if d not in ends] + ends


def _last_two(scale_tril: Array, order: list[int]) -> Array:
    """Return the factor [..., D, D] of the same covariance with its columns in another order."""
    return _lower(scale_tril[..., order, :])


def _lower(factor: Array) -> Array:
    """Return a lower triangular factor of the same product; unlike Cholesky's it always exists."""
    return np.swapaxes(np.linalg.qr(np.swapaxes(factor, -1, -2)).R, -1, -2).copy()


def _diagonal(factor: Array) -> Array:
    return np.diagonal(factor, axis1=-2, axis2=-1)


def coordinates(mixture: Mixture, n_columns: int) -> list[Coordinate]:
    """List the numbers of a point that a slice can go along."""
    K, D = mixture.n_components, n_columns
    listed = [Coordinate("locs", k, d) for k in range(K) for d in range(D)]
    own = {site.name: site.own for site in mixture.sites(D)}
    columns: list[int | None] = list(range(D)) if mixture.family.per_column else [None]
    components: list[int | None] = list(range(K)) if own["scale"] else [None]
    listed += [Coordinate("scale", k, d) for k in components for d in columns]
    if K > 1:
        listed += [Coordinate("weights", k) for k in range(K)]
    if mixture.has_correlations(D):
        components = list(range(K)) if own["correlation"] else [None]
        pairs = [(i, j) for i in range(D) for j in range(i)]
        listed += [Coordinate("correlation", k, i, j) for k in components for i, j in pairs]
    return listed


_PLURAL = {"weights": "weights", "correlation": "correlations of one component"}


def together(one: Coordinate, other: Coordinate) -> bool:
    """Whether moving one number moves the other: the same, two weights, or two correlations."""
    if one == other or one.site == other.site == "weights":
        return True
    return one.site == other.site == "correlation" and one.component == other.component


@dataclass(frozen=True, eq=False)
class Slice:
    """The loss over two coordinates, everything else held at one point.

    Attributes
    ----------
    across, up : the two coordinates.
    x, y : [X] and [Y], places on their own axes (see `Coordinate.spaced`).
    loss : [Y, X], minus the log joint.
    n_used : how many points of the data it was computed from; fewer than there are means that
        a sample stands for them, its log likelihood scaled up.
    """

    across: Coordinate
    up: Coordinate
    x: Array
    y: Array
    loss: Array
    n_used: int

    @property
    def finite(self) -> bool:
        """Whether the loss is a number anywhere on it: not so about a weight of zero, say."""
        return bool(np.isfinite(self.loss).any())


def cut(
    dataset: Dataset,
    mixture: Mixture,
    point: Parameters,
    across: Coordinate,
    up: Coordinate,
    path: Parameters | None = None,
    side: int = SIDE,
) -> Slice:
    """Compute the loss over two coordinates about `point`, everything else held there.

    Parameters
    ----------
    path : points [M] that the slice has to cover, such as those of a fit's trajectory.
    side : how many places there are along each coordinate.

    Raises
    ------
    ValueError
        When the coordinates cannot be moved independently, see `together`.
    """
    if together(across, up):
        raise ValueError(
            "A slice needs two numbers that move independently, but it came with "
            + ("the same one twice." if across == up else f"two {_PLURAL[across.site]}.")
            + " Choose another one."
        )
    values, N = dataset.values, len(dataset.values)
    K, D = point.locs.shape
    most = max(200, _BUDGET // (side * side * K * D))
    if most < N:
        chosen = np.random.default_rng(0).choice(N, most, replace=False)
        values = values[np.sort(chosen)]
    x, y = (np.linspace(*_span(dataset, c, point, path), side) for c in (across, up))
    loss = np.empty((side, side))
    for rows in _rows(side, len(values) * K * D):
        u, v = (m.ravel() for m in np.meshgrid(x, y[rows]))
        points = moved(point, {across: u, up: v})
        likelihood = log_likelihoods(values, points) * (N / len(values))
        priors = sum(log_prior_terms(mixture, points).values(), np.zeros(len(u)))
        loss[rows] = -(likelihood + priors).reshape(-1, side)
    return Slice(across, up, x, y, loss, len(values))


def moved(point: Parameters, places: dict[Coordinate, Array]) -> Parameters:
    """Return `point` [M] times, with some coordinates at the given places [M] on their axes."""
    M = len(next(iter(places.values())))
    into = {name: np.repeat(array[None], M, axis=0) for name, array in point.arrays().items()}
    for coordinate, where in places.items():
        coordinate.put(point, where, into)
    return Parameters.of(into)


def _rows(side: int, numbers: int) -> Iterator[slice]:
    """Go through the rows of a slice, some at a time."""
    some = max(1, _CHUNK // (side * numbers))
    return (slice(first, first + some) for first in range(0, side, some))


def _span(
    dataset: Dataset, c: Coordinate, point: Parameters, path: Parameters | None
) -> tuple[float, float]:
    """Say from where to where a slice goes on the coordinate's own axis."""
    end = float(c.spaced(c.read(point)))
    way = np.array([end]) if path is None else np.append(c.spaced(c.read(path)), end)
    if c.site == "locs":
        column = dataset.seen(c.column or 0)
        low, high = float(column.min()), float(column.max())
        reach = 2 * float(point.scales[c.component or 0, c.column or 0])
        low, high = min(low, end - reach), max(high, end + reach)
        # A path that overflowed on its way must not shrink the basin to a dot.
        far = high - low
        way = way[(way > low - far) & (way < high + far)]
    elif c.site == "scale":
        low, high = end - 0.7, end + 0.7  # a factor of five each way
        way = np.clip(way, end - 3, end + 3)
    elif c.site == "correlation":
        return -0.999, 0.999
    else:
        low, high = min(-4.0, end - 2), max(4.0, end + 2)
    low, high = min(low, way.min(initial=low)), max(high, way.max(initial=high))
    margin = 0.08 * (high - low)
    return low - margin, high + margin
