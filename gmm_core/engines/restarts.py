"""Restarts side by side: where each is, what it has recorded, and how it ends.

How they go forward is a method's: Adam's (`adam_run`) or EM's (`em_run`). Where a method leaves a
restart, all else is the same: it may be polished, and the objective and its gradient are taken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import adam, lbfgs
from gmm_core.engines.problem import Problem
from gmm_core.engines.team import Team
from gmm_core.mixture import Parameters
from gmm_core.runs.options import MapOptions
from gmm_core.runs.recorded import frame_steps
from gmm_core.runs.units import spreads
from gmm_core.runs.verdicts import collapsed

Array = NDArray[np.float64]

# Frames of all restarts are kept up to this many numbers (64 MB); beyond, the chosen restart is
# trained a second time for them.
FRAME_NUMBERS = 8_000_000
# About how many evaluations it takes to polish one restart.
_POLISH_STEPS = 100


def gradient_sizes(problem: Problem, points: Parameters, gradient: Array) -> Array:
    """As `verdicts.gradient_size`, of many gradients [R, P] at `points` [R]; they are scaled."""
    with np.errstate(over="ignore"):
        gradient[:, problem.slices["locs"]] *= points.scales.reshape(len(gradient), -1)
        return np.asarray(np.linalg.norm(gradient, axis=1) / problem.total)


class Restarts(ABC):
    """R distinct starts on their way.

    Attributes
    ----------
    starts, q : [R, P], coordinates of where each began, and is.
    loss : [R, T], and `norms` [S, R, T], the gradient's norm of each site; NaN where not known.
    ended : [R], the step at which a restart ended early, else -1; `broken` when that was because
        its loss was not finite, `collapsed` when a component was lost.
    keep : the steps that are kept as frames; `frame_of` [T + 1] the frame of each step, or -1.
    points, final_loss, size : after `finish`, where each ended [R], the loss there, and the
        gradient's size per point of the data.
    moved : [R], which restarts a polish has taken further.
    held : [R, K], sums of responsibilities where each is, NaN where they are not known.
    """

    points: Parameters
    final_loss: Array
    size: Array

    def __init__(self, problem: Problem, options: MapOptions, starts: Array) -> None:
        self.problem, self.options, self.starts = problem, options, starts
        R, T, S = len(starts), options.steps, len(problem.slices)
        self.q = starts.copy()
        self.ended = np.full(R, -1)
        self.broken, self.collapsed = np.zeros(R, dtype=bool), np.zeros(R, dtype=bool)
        self.loss = np.full((R, T), np.nan)
        # Takes no memory: a method that follows the gradient puts its own array here.
        self.norms = np.broadcast_to(np.nan, (S, R, T))
        self.held = np.full((R, problem.mixture.n_components), np.nan)
        self.moved = np.zeros(R, dtype=bool)
        self.keep = frame_steps(problem.mixture, problem.n_columns, T)
        # The last frame is where the run ended, which may be elsewhere after polishing.
        self.frame_of = np.full(T + 1, -1)
        self.frame_of[self.keep] = np.arange(len(self.keep))

    @abstractmethod
    def advance(self, team: Team) -> Iterator[int]:
        """Go all the way; yield after each batch how many steps of all restarts are done."""

    @abstractmethod
    def fresh(self) -> slice:
        """Return the steps of which something was recorded since it was last asked."""

    @abstractmethod
    def now(self, i: int) -> Parameters:
        """Return where row `i` is.

        Raises
        ------
        ValueError
            When it has left the range of numbers.
        """

    @abstractmethod
    def trajectory(self, i: int) -> tuple[NDArray[np.int64], Parameters]:
        """Return steps [M] and points of row `i`; the last is where it ended."""

    @abstractmethod
    def unfinished(self) -> NDArray[np.bool_]:
        """Return which restarts [R] a polish would take further."""

    def norms_along(self, i: int, team: Team) -> Array:
        """Return the gradient's norm of each site before each step of row `i` [S, T]."""
        return self.norms[:, i]

    @abstractmethod
    def recover(self, bad: NDArray[np.bool_]) -> None:
        """Take restarts [R] back to their last sound point, where the method has left it."""

    def sure(self) -> NDArray[np.bool_]:
        """Return which restarts [R] are at an optimum by what the method itself has seen."""
        return np.zeros(len(self.q), dtype=bool)

    @property
    def polished(self) -> bool:
        """Whether restarts are polished at the end."""
        return self.options.polish

    def finish(self, dataset: Dataset, team: Team) -> Iterator[float]:
        """Judge where each restart ended, after polishing the live ones if asked to.

        Yields after each batch which share of the restarts is polished.
        """
        value, gradient = np.full(len(self.q), -np.inf), np.zeros_like(self.q)
        sure = self.sure()
        unsure = np.flatnonzero(~sure)
        for _ in self._evaluate(team, unsure, value, gradient):
            yield 0.0
        # The last step may have led out of the range of numbers: the point before it is sound.
        bad = ~sure & ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
        self.recover(bad)
        self.points = self._points()
        if self.polished:
            live = self.unfinished() & ~self.broken & ~self.collapsed & (self.ended < 0)
            if np.any(live):
                points, sizes = self.points[live], self.held[live]
                live[live] = ~collapsed(dataset, self.problem.mixture, points, sizes)
            self.held[live], self.moved = np.nan, self.moved | live
            yield from self._polish(team, live)
            self.points = self._points()
        if self.polished or np.any(bad):
            for _ in self._evaluate(team, unsure, value, gradient):
                yield 1.0
        self.final_loss = -value
        self.size = gradient_sizes(self.problem, self.points, gradient)

    def _evaluate(
        self, team: Team, rows: NDArray[np.int64], value: Array, gradient: Array
    ) -> Iterator[None]:
        """Fill in log joint [R] and gradient [R, P] of `rows`."""
        some, slopes = np.empty(len(rows)), np.empty((len(rows), self.q.shape[1]))
        for _ in team.evaluate(self.q[rows], some, slopes):
            yield
        value[rows], gradient[rows] = some, slopes

    def _points(self) -> Parameters:
        return self.problem.points(self.q)

    def _polish(
        self, team: Team, live: NDArray[np.bool_], most: int = lbfgs.ITERATIONS
    ) -> Iterator[float]:
        """Polish the `live` restarts [R], by so many iterations at most; yield the share done."""
        p, R = self.problem, len(self.q)
        unit = np.ones(p.size)
        K = p.mixture.n_components
        unit[p.slices["locs"]] = np.tile(spreads(p.spread, p.mixture.family), K)
        limit, seen = adam.limits(p), "correlation" in p.slices

        def call(first: int, last: int, work: Array, _: Array) -> None:
            lbfgs.polish(
                first, last, live, unit, limit, seen, p.x, p.numbers, p.layout, work, most,
                self.q,
            )  # fmt: skip

        first = 0
        while first < R:
            last = min(R, first + max(team.cores, team.budget // _POLISH_STEPS))
            team.run(call, first, last, _POLISH_STEPS)
            first = last
            yield first / R
