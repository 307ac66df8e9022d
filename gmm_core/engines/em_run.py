"""Restarts that go by EM, accelerated: all of them in step, each as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines import adam, em_loop, restarts, squarem
from gmm_core.engines.layout import COMPONENT_ROW
from gmm_core.engines.maximise import MStep
from gmm_core.engines.moments import moments
from gmm_core.engines.problem import Problem
from gmm_core.engines.restarts import Restarts
from gmm_core.engines.team import Team
from gmm_core.mixture import Parameters, from_sites, sites
from gmm_core.runs.options import MapOptions
from gmm_core.runs.verdicts import POLISHED

Array = NDArray[np.float64]

# Largest step of EM, per point of the data and free of units, at which a restart has settled
# whatever the objective does: the gradient there is of this size too.
_SETTLED = 1e-8
# And at which it has when the objective no longer rises: a tenth of what a polish has to reach.
_FLAT = POLISHED / 10
# Of so many restarts frames are kept up to this many numbers (2 MB) only: going the one way that is
# shown again is a small share of the work, and less than clearing the memory of all the others.
_MANY, _FRAMES_OF_MANY = 20, 250_000
# Restarts in step with one another: as many as keep this many numbers of scatter at hand.
_GROUP = 2_000_000
# Passes of a restart before the next one's turn, where all is compiled.
_PASSES = 64
# So many restarts first, whatever the machine, then as many again as there were: later ones that
# come close to an optimum of earlier ones end there.
_FIRST_WAVE = 8
# A restart that has not settled after so many steps creeps along a ridge, where L-BFGS is better.
_CREEPING = 60
# L-BFGS has so many iterations there: with them it comes to the end of nearly every ridge, or to
# where a component is lost. Where that is not enough EM goes on.
_RIDGE = 300


class EmRun(Restarts):
    """EM from R distinct starts, with what it records.

    A step of the record is a point that EM has come to: what a leap has led to is no point of its
    own before EM has made a step from there.
    """

    def __init__(
        self, problem: Problem, options: MapOptions, starts: Array, frames: int | None = None
    ) -> None:
        super().__init__(problem, options, starts)
        mixture = problem.mixture
        begin = from_sites(mixture, problem.constrain(starts))
        R, K, D = begin.locs.shape
        W = mixture.n_weights
        self._at = [array.copy() for array in (begin.every_weight, begin.locs, begin.scale_tril)]
        self._next = [np.empty((R, W)), np.empty((R, K, D)), np.empty((R, K, D, D))]
        self._family = mixture.family
        self._m_step = MStep(mixture, D, begin[0])
        self._value, self.sums = np.empty(R), np.empty((R, W))
        self._means, self._scatter = np.empty((R, K, D)), np.empty((R, K, D, D))
        flat = [array.reshape(R, -1) for array in self._at]
        self._plain = np.concatenate(flat, axis=1)
        self._zero = self._plain.copy()
        self._stretch, self._best = np.full(R, squarem.STRETCH), np.full(R, -np.inf)
        self._phase, self._can_return = np.zeros(R, dtype=np.int64), np.zeros(R, dtype=bool)
        self._settled, self._stuck = np.zeros(R, dtype=bool), np.zeros(R, dtype=bool)
        self.made, self._reported = np.zeros(R, dtype=np.int64), np.zeros(R, dtype=np.int64)
        self._limit = np.exp(adam.limits(problem))
        self._most = options.steps
        self._heads = np.empty(0, dtype=np.int64)
        self._head_of = np.full(R, -1)
        self._order = np.zeros((R, K), dtype=np.int64)
        self._fixed = bool(problem.layout[COMPONENT_ROW])
        width = self._plain.shape[1]
        most = restarts.FRAME_NUMBERS if frames is None else frames
        if R >= _MANY:
            most = min(most, _FRAMES_OF_MANY)
        M = len(self.keep) if R * len(self.keep) * width <= most else 0
        self._frames = np.empty((R, M, width))
        self._repeated: dict[int, Array] = {}

    @property
    def polished(self) -> bool:
        """Whether restarts are polished: also where the M-step leads only near the optimum."""
        return self.options.polish or not self._m_step.exact

    def advance(self, team: Team) -> Iterator[int]:
        """Go on until all restarts have settled or made their steps."""
        R, T = self.loss.shape
        self._most = min(T, _CREEPING)
        yield from self._waves(team, np.arange(R))
        if self._most < T:
            self._most = T
            creeping = self._live(np.arange(R))
            yield from self._along_ridges(team, creeping)
            yield from self._waves(team, creeping)
        # Where a component is lost its coordinates may be out of the range of numbers.
        q = self._coordinates(self.points_now())
        self.q = np.where(self.moved[:, None], self.q, q)
        # The last pass of a restart was where it is, unless its last step went down.
        unknown = self._stuck | self.moved
        joined = np.flatnonzero(self._head_of >= 0)
        heads = self._head_of[joined, None]
        K = self._order.shape[1]
        held = self.sums[:, :K]
        held[joined] = held[heads, self._order[joined]]
        self.held = np.where(unknown[:, None], np.nan, held)

    def _waves(self, team: Team, rows: NDArray[np.int64]) -> Iterator[int]:
        """Take restarts `rows` all the way, some after others."""
        compiled = self._m_step.flat and self._family.plain
        most = max(1, _GROUP // self._scatter[0].size)
        begin, size = 0, min(most, _FIRST_WAVE if compiled else most)
        while begin < len(rows):
            live = self._live(rows[begin : begin + size])
            begin, size = begin + size, min(most, 2 * size)
            while len(live):
                for _ in (self._climb if compiled else self._lockstep)(team, live):
                    yield self._made()
                if not compiled:
                    self._find_heads()
                live = self._live(live)
                over = self._over()
                self.made[over] = np.maximum(self.made[over], 1)
                yield self._made()
            self._find_heads()

    def _made(self) -> int:
        """Count the steps that are made; whoever is over will make no more, and has made all."""
        return int(np.where(self._over(), self.loss.shape[1], self.made).sum())

    def _over(self) -> NDArray[np.bool_]:
        return self._settled | self._stuck | self.collapsed

    def _live(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of `rows` that still go on."""
        return rows[~self._over()[rows] & (self.made[rows] < self._most)]

    def _find_heads(self) -> None:
        """Call those that have settled by themselves heads of those that come."""
        if self._m_step.exact:
            self._heads = np.flatnonzero(self._settled & (self._head_of < 0))

    def _along_ridges(self, team: Team, rows: NDArray[np.int64]) -> Iterator[int]:
        """Let L-BFGS finish restarts that creep, and take those back for which it does not."""
        if not len(rows) or not self._m_step.exact:
            return
        p, R = self.problem, len(self.q)
        creeping = np.zeros(R, dtype=bool)
        creeping[rows] = True
        self.q[rows] = self._coordinates(self.points_now()[rows])
        for _ in self._polish(team, creeping, _RIDGE):
            yield self._made()
        value, gradient = np.empty(len(rows)), np.empty((len(rows), self.q.shape[1]))
        for _ in team.evaluate(self.q[rows], value, gradient):
            pass
        sound = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
        rows, value, gradient = rows[sound], value[sound], gradient[sound]
        points = p.points(self.q[rows])
        thin = np.any(
            np.diagonal(points.scale_tril, axis1=-2, axis2=-1) <= self._limit, axis=(1, 2)
        )
        size = restarts.gradient_sizes(p, points, gradient)
        up = value >= self._best[rows] - squarem.ROUNDING * np.abs(self._best[rows])
        self.collapsed[rows[thin]] = True
        self._settled[rows[~thin & up & (size <= POLISHED)]] = True
        self.moved[rows] = self._over()[rows]

    def _lockstep(self, team: Team, live: NDArray[np.int64]) -> Iterator[None]:
        """Pass over the data once from every live restart, and make their M-steps together."""
        p = self.problem

        def call(begin: int, end: int, *_: Array) -> None:
            moments(  # type: ignore[call-arg]
                begin, end, live, *self._at, p.x, p.numbers, p.layout,
                self._value, self.sums, self._means, self._scatter,
            )  # fmt: skip

        first = 0
        while first < len(live):
            last = min(len(live), first + team.budget)
            team.run(call, first, last, 1)
            first = last
            if first < len(live):
                yield
        m_step = self._m_step
        if not m_step.flat:
            # Where a leap has led need not be a point of the family.
            moving = live[self._phase[live] != squarem.LANDED]
            if len(moving):
                self._value[moving] += m_step.log_prior(*(array[moving] for array in self._at))
        updated = m_step(self.sums[live], self._means[live], self._scatter[live], self._at[2][live])
        for array, values in zip(self._next, updated, strict=True):
            array[live] = values
        squarem.advance(0, len(live), live, *self._state())  # type: ignore[call-arg]

    def _climb(self, team: Team, live: NDArray[np.int64]) -> Iterator[None]:
        """Pass over the data some times from every live restart."""
        p, state = self.problem, self._state()
        structure, shared = em_loop.form(self._family), not self._family.own(p.n_columns)
        passes = int(np.clip(team.budget // len(live), 1, _PASSES))

        def call(begin: int, end: int, *_: Array) -> None:
            em_loop.climb(  # type: ignore[call-arg]
                begin, end, live, passes, structure, shared, p.x, p.numbers, p.layout,
                self.sums, self._means, self._scatter, *state,
            )  # fmt: skip

        first = 0
        while first < len(live):
            last = min(len(live), first + max(1, team.budget // passes))
            team.run(call, first, last, passes)
            first = last
            if first < len(live):
                yield

    def settle(self, rows: NDArray[np.int64], x: Array) -> None:
        """Take restarts `rows` to their ends on other data of the same layout.

        Only without priors, in plain families.
        """
        p = self.problem
        structure, shared = em_loop.form(self._family), not self._family.own(p.n_columns)
        # Each point that is recorded takes two passes at most: one is that of a leap.
        passes = 2 * self.options.steps + 2
        em_loop.climb(  # type: ignore[call-arg]
            0, len(rows), rows, passes, structure, shared, x, p.numbers, p.layout,
            self.sums, self._means, self._scatter, *self._state(),
        )  # fmt: skip

    def _state(self) -> tuple[Any, ...]:
        """Return what `squarem.advance` works on."""
        return (
            self._limit, _SETTLED, _FLAT, self._value, *self._next, *self._at,
            self._zero, self._plain, self._stretch, self._phase, self._can_return, self._best,
            self.made, self._most,
            self._settled, self.collapsed, self._stuck, self.loss, self.frame_of, self._frames,
            self._heads, self.problem.total, self._fixed, self._head_of, self._order,
        )  # fmt: skip

    def _points(self) -> Parameters:
        """Return where EM has come to, and where a polish has moved it from there."""
        if not np.any(self.moved):
            return self.points_now()
        polished = self.problem.points(self.q[self.moved])
        arrays = {name: array.copy() for name, array in self.points_now().arrays().items()}
        for name, array in polished.arrays().items():
            arrays[name][self.moved] = array
        return Parameters.of(arrays)

    def _coordinates(self, points: Parameters) -> Array:
        """Return coordinates [M, P]; NaN where a component is too thin for its axes to be told."""
        p = self.problem
        try:
            with np.errstate(all="ignore"):
                return p.unconstrain(sites(p.mixture, points))
        except ValueError:
            if len(points) == 1:
                return np.full((1, p.size), np.nan)
            one_by_one = [self._coordinates(points[[i]]) for i in range(len(points))]
            return np.concatenate(one_by_one)

    def points_now(self) -> Parameters:
        """Return where EM has come to."""
        weights, locs, factors = self._at
        return Parameters.weighted(weights, locs, factors, self.problem.box)

    def fresh(self) -> slice:
        """Return the steps recorded since it was last asked."""
        changed = self.made > self._reported
        if not np.any(changed):
            return slice(0, 0)
        new = slice(int(self._reported[changed].min()), int(self.made.max()))
        self._reported = self.made.copy()
        return new

    def now(self, i: int) -> Parameters:
        """Return where row `i` is."""
        weights, locs, factors = (array[i] for array in self._at)
        return Parameters.weighted(weights, locs, factors, self.problem.box)

    def unfinished(self) -> NDArray[np.bool_]:
        """Return those that have not settled; all where the M-step leads only near the optimum."""
        return ~self._settled | (not self._m_step.exact)

    def sure(self) -> NDArray[np.bool_]:
        """Return those that have settled by EM's own step: its size is the gradient's there."""
        return self._settled & ~self.moved & self._m_step.exact

    def finish(self, dataset: Dataset, team: Team) -> Iterator[float]:
        """Judge where each restart ended; settled ones by EM's own step.

        It is the gradient in the units of the components. In the coordinates of correlations it may
        be larger by as much as a covariance is narrow, which says nothing of the optimum.
        """
        yield from super().finish(dataset, team)
        # EM's own loss, at its own point: through coordinates narrow components lose digits.
        own = np.flatnonzero(~self.moved & (self.made > 0))
        last = self.loss[own, self.made[own] - 1]
        finite = np.isfinite(last)
        self.final_loss[own[finite]] = last[finite]
        if self._m_step.exact:
            self.size[self._settled] = np.minimum(self.size[self._settled], POLISHED)

    def recover(self, bad: NDArray[np.bool_]) -> None:
        """Call what is no number at its end broken: every point of EM's own is one."""
        self.broken |= bad & ~self.collapsed

    def norms_along(self, i: int, team: Team) -> Array:
        """Return the gradient's norm of each site at the frames of row `i`, and NaN between them.

        EM needs no gradient, so it is taken where it is shown only.
        """
        steps, points = self.trajectory(i)
        q = self._coordinates(points)
        gradient = np.empty_like(q)
        for _ in team.evaluate(q, np.empty(len(q)), gradient):
            pass
        norms = np.full((len(self.problem.slices), self.options.steps), np.nan)
        for s, where in enumerate(self.problem.slices.values()):
            norms[s, steps] = np.linalg.norm(gradient[:, where], axis=1)
        return norms

    def _again(self, i: int) -> Array:
        """Go the way of row `i` once more, and keep its frames."""
        if i not in self._repeated:
            start, most = self.starts[i : i + 1], 2 * restarts.FRAME_NUMBERS
            repeated = EmRun(self.problem, self.options, start, most)
            with Team(self.problem) as team:
                for _ in repeated.advance(team):
                    pass
            self._repeated[i] = repeated._frames[0]
        return self._repeated[i]

    def trajectory(self, i: int) -> tuple[NDArray[np.int64], Parameters]:
        """Return steps [M] and points of row `i`; the last is where it ended."""
        stop = max(int(self.made[i]) - 1, 0)
        steps = self.keep[self.keep < stop]
        if self._frames.shape[1]:
            frames = self._frames[i, : len(steps)]
        else:
            frames = self._again(i)[: len(steps)]
        end = self.points[i]
        ended = end.every_weight, end.locs, end.scale_tril
        shapes = [array.shape for array in ended]
        cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        weights, locs, factors = (
            np.concatenate([part.reshape(-1, *shape), last[None]])
            for part, shape, last in zip(np.split(frames, cuts, axis=1), shapes, ended, strict=True)
        )
        way = Parameters.weighted(weights, locs, factors, self.problem.box)
        return np.append(steps, stop), way
