"""EM from some points at once, fed with moments from wherever the data is.

Whoever drives it passes over the data at `points` and hands the moments to `advance`. Leaps shorten
the way: where there is a surrogate, to where it says that EM leads; and in families that stay one
under them, those of SQUAREM, along the last two steps. A leap that leads down is taken back.

Notes
-----
Varadhan and Roland (2008), Scandinavian Journal of Statistics 35, scheme S3.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Mixture, Parameters, stacked
from gmm_core.partitions.partition import Moments

Array = NDArray[np.float64]

SETTLED = 1e-7
"""Largest step of EM at which a point has settled: of weights, of locs in standard deviations, of
covariances in their own size. Sums over 10^8 points are exact to about 10^-13."""

Leap = Callable[[Parameters, Moments, float], "Parameters | None"]

_FRAMES = 200
_ROUNDING = 1e-12  # of the log joint, of which sums over the rows know no more
_LOSSES = 2  # of a surrogate's leaps, after which the sample is too unlike all rows there
_LEAST = 0.005  # of what is left, by which a pass goes on that gains nothing
_LOST = 1e-10  # of a column's spread in a component, below which it has collapsed


class Ascent:
    """EM from R points.

    Attributes
    ----------
    leap : tells from a point, its moments and how far EM's step goes where that leads; see
        `surrogate`.
    settled : the step at which a point has.
    passes, most : over the data so far, and at most.
    share : about how much of the way is made, from 0 to 1. EM's steps shrink by about the same
        factor each time, so it goes by digits: from the first step to one that has settled.
    loss : [R, steps], minus the log joint at each point that EM came to.
    """

    def __init__(
        self,
        mixture: Mixture,
        starts: Parameters,
        total: float,
        steps: int,
        leap: Leap | None = None,
        settled: float = SETTLED,
    ) -> None:
        from gmm_core.engines.maximise import MStep

        R, _, D = starts.locs.shape
        self._mixture, self._total = mixture, total
        self._m_step = MStep(mixture, D, starts[0])
        extrapolates = mixture.tied is not None
        self._climbs = [_Climb(starts[r], extrapolates, leap, settled) for r in range(R)]
        self._spread = np.sqrt(np.mean(np.diagonal(starts.covariances, axis1=-2, axis2=-1), (0, 1)))
        self.most, self.passes, self.share = steps, 0, 0.0

    @property
    def over(self) -> bool:
        """Whether no point moves any more, or all passes are made."""
        return self.passes >= self.most or not self._live

    @property
    def _live(self) -> list[_Climb]:
        return [climb for climb in self._climbs if climb.verdict == "moving"]

    @property
    def points(self) -> Parameters:
        """Where the next pass is to be made [r]: of those that still move."""
        return stacked([climb.at for climb in self._live])

    def advance(self, moments: Moments) -> None:
        """Take every point on by the moments at `points`."""
        self.passes += 1
        live = self._live
        at = stacked([climb.at for climb in live])
        value = moments.value + self._m_step.log_prior(at.every_weight, at.locs, at.scale_tril)
        steps = self._m_step(moments.counts, moments.means, moments.scatter, at.scale_tril)
        for i, climb in enumerate(live):
            weights, locs, covariances = (array[i] for array in steps)
            climb.step(float(value[i]), weights, locs, covariances, self._spread, moments[i])
        made = min((climb.made for climb in self._live), default=1.0)
        self.share = max(made, self.share + _LEAST * (1 - self.share))

    @property
    def ends(self) -> Parameters:
        """Where each of the R points has come to."""
        return stacked([climb.best for climb in self._climbs])

    @property
    def loss(self) -> Array:
        """Minus the log joint at each point that EM came to, NaN behind the last [R, steps]."""
        curves = np.full((len(self._climbs), self.most), np.nan)
        for curve, climb in zip(curves, self._climbs, strict=True):
            curve[: len(climb.values)] = [-value for value in climb.values]
        return curves

    @property
    def final_loss(self) -> Array:
        """Minus the log joint where each has come to [R]."""
        return np.array([-climb.value for climb in self._climbs])

    @property
    def verdict(self) -> NDArray[np.str_]:
        """What became of each [R]: "converged", "moving" or "collapsed"."""
        return np.array([climb.verdict for climb in self._climbs])

    def trajectory(self, r: int) -> tuple[NDArray[np.int64], Parameters]:
        """Return steps [M] and points of one climb; the last is where it ended."""
        frames = self._climbs[r].frames
        steps = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).astype(int))
        return steps, stacked([frames[i] for i in steps])


class _Climb:
    """One point on its way up: its last two steps, from which a leap is made."""

    def __init__(
        self, start: Parameters, extrapolates: bool, leap: Leap | None, settled: float
    ) -> None:
        self.at = self.best = start
        self.value = -np.inf
        self.values: list[float] = []
        self.frames: list[Parameters] = []
        self.verdict = "moving"
        self._extrapolates = extrapolates
        self._leap, self._settled, self._lost = leap, settled, 0
        self._first = self._least = 0.0  # of EM's steps, once there is one
        self._way: list[Array] = []
        self._back: list[Parameters] = []

    @property
    def made(self) -> float:
        """Which share of the digits from the first step to one that has settled is there."""
        if not self._least:
            return 0.0
        return log(self._first / self._least) / log(self._first / self._settled)

    def step(
        self,
        value: float,
        weights: Array,
        locs: Array,
        covariances: Array,
        spread: Array,
        moments: Moments,
    ) -> None:
        """Take in the value at `at`, and go where EM leads from there, or beyond."""
        if self._back and not value >= self.value - _ROUNDING * abs(self.value):
            # Back to the next best of what was passed by; EM's own step goes up by itself.
            self.at, self._way = self._back.pop(), []
            self._lost += not self._back
            if self._lost == _LOSSES:
                self._leap = None
            return
        self._back = []
        self.best, self.value = self.at, value
        self.values.append(value)
        self.frames.append(self.at)
        now = _sound(weights, locs, covariances, spread, self.at.box)
        if now is None:
            self.verdict = "collapsed"
            return
        moved = _moved(self.at, now)
        if moved <= self._settled:
            self.verdict = "converged"
            return
        self._first = self._first or moved
        self._least = min(self._least or moved, moved)
        before, self.at = self.at, now
        if self._leap is not None:
            self._go(self._leap(before, moments, moved))
        self._way = [*(self._way or [_flat(before, spread)]), _flat(self.at, spread)]
        if self._extrapolates and len(self._way) == 3:
            self._go(_extrapolated(self._way, self.at, spread, 0.0 if self._back else 1.0))
            self._way = []

    def _go(self, leap: Parameters | None) -> None:
        """Go to where a leap leads, if anywhere, and remember where it began."""
        if leap is not None:
            self._back.append(self.at)
            self.at = leap


def _extrapolated(
    way: list[Array], like: Parameters, spread: Array, shortest: float
) -> Parameters | None:
    """Return where two steps lead by extrapolation; None where that is no mixture."""
    first = way[1] - way[0]
    bend = way[2] - way[1] - first
    size = np.linalg.norm(bend)
    if not size:
        return None
    length = -max(shortest, float(np.linalg.norm(first) / size))
    extrapolation = way[0] - 2 * length * first + length**2 * bend
    (K, D), W = like.locs.shape, len(like.every_weight)
    weights, locs, covariances = np.split(extrapolation, [W, W + K * D])
    if not np.all(weights > 0):
        return None
    covariances = covariances.reshape(K, D, D) * spread[:, None] * spread
    locs, weights = locs.reshape(K, D) * spread, weights / weights.sum()
    return _sound(weights, locs, covariances, spread, like.box)


def _flat(point: Parameters, spread: Array) -> Array:
    """Lay a point out in units of the spread of each column, weights, locs and covariances."""
    scaled = point.scale_tril / spread[:, None]
    covariances = scaled @ np.swapaxes(scaled, -1, -2)
    return np.concatenate([point.every_weight, (point.locs / spread).ravel(), covariances.ravel()])


def _sound(
    weights: Array, locs: Array, covariances: Array, spread: Array, box: Array | None
) -> Parameters | None:
    """Return the point, or None where a component is lost."""
    finite = all(np.isfinite(array).all() for array in (weights, locs, covariances))
    if not finite or np.any(weights <= 0):
        return None
    unit = spread[:, None] * spread
    try:
        factors = np.linalg.cholesky(covariances / unit)
    except np.linalg.LinAlgError:
        return None
    if np.diagonal(factors, axis1=-2, axis2=-1).min() < _LOST:
        return None
    return Parameters.weighted(weights, locs, factors * spread[:, None], box)


def _moved(before: Parameters, after: Parameters) -> float:
    """Return the largest move of a step, free of units."""
    scale = after.scales
    widths = np.abs(after.covariances - before.covariances) / (
        scale[..., :, None] * scale[..., None, :]
    )
    return float(
        max(
            np.abs(after.every_weight - before.every_weight).max(),
            (np.abs(after.locs - before.locs) / scale).max(),
            widths.max(),
        )
    )
