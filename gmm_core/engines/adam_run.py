"""Restarts that go by Adam, all of them step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gmm_core.engines import adam, restarts
from gmm_core.engines.problem import Problem
from gmm_core.engines.restarts import Restarts
from gmm_core.engines.team import Team
from gmm_core.mixture import Parameters
from gmm_core.runs.options import MapOptions

Array = NDArray[np.float64]


class AdamRun(Restarts):
    """Adam from R distinct starts, with what it records."""

    def __init__(
        self, problem: Problem, options: MapOptions, starts: Array, frames: int | None = None
    ) -> None:
        super().__init__(problem, options, starts)
        R, P = starts.shape
        self.norms = np.full(self.norms.shape, np.nan)
        self.step, self._sent = 0, 0
        self.before = starts.copy()
        self.mean, self.square = np.zeros((R, P)), np.zeros((R, P))
        most = restarts.FRAME_NUMBERS if frames is None else frames
        M = len(self.keep) if R * len(self.keep) * P <= most else 0
        self.frames = np.empty((R, M, P))
        self._bounds = np.array([0, *(s.stop for s in problem.slices.values())])
        self._rates = adam.rates(options.steps, options.learning_rate, options.betas)
        self._limits = adam.limits(problem)

    def advance(self, team: Team) -> Iterator[int]:
        """Make all steps; yield after each batch how many steps of all restarts are done."""
        R, T = self.loss.shape
        while self.step < T:
            count = min(T - self.step, max(1, team.budget // R))
            # With much data even one step of all restarts is too long for one batch.
            first = 0
            while first < R:
                last = min(R, first + max(1, team.budget // count))
                team.run(self._steps(self.step, self.step + count), first, last, count)
                first = last
                if first < R:
                    yield self.step * R + first * count
            self.step += count
            yield self.step * R

    def _steps(self, begin: int, end: int) -> Callable[..., None]:
        p, (beta1, beta2) = self.problem, self.options.betas

        def call(first: int, last: int, work: Array, gradient: Array) -> None:
            adam.train(
                first, last, begin, end,
                self._rates, beta1, beta2, self._limits,
                p.x, p.numbers, p.layout, self._bounds, self.frame_of,
                self.q, self.before, self.mean, self.square, self.ended, self.broken,
                self.loss, self.norms, self.frames, work, gradient,
            )  # fmt: skip

        return call

    def fresh(self) -> slice:
        """Return the steps made since it was last asked."""
        new, self._sent = slice(self._sent, self.step), self.step
        return new

    def now(self, i: int) -> Parameters:
        """Return where row `i` is."""
        return self.problem.points(self.q[i])

    def unfinished(self) -> NDArray[np.bool_]:
        """Return all: Adam at a fixed rate circles about the optimum."""
        return np.ones(len(self.q), dtype=bool)

    def recover(self, bad: NDArray[np.bool_]) -> None:
        """Take restarts back to the point before their last step."""
        self.q[bad] = self.before[bad]
        self.ended[bad & ~self.broken] = self.options.steps - 1
        self.broken |= bad

    def trajectory(self, i: int) -> tuple[NDArray[np.int64], Parameters]:
        """Return steps [M] and points of row `i`; the last is where it ended."""
        stop = int(self.ended[i]) if self.ended[i] >= 0 else self.options.steps
        steps = self.keep[self.keep < stop]
        if self.frames.shape[1]:
            frames = self.frames[i, : len(steps)]
        else:
            start, most = self.starts[i : i + 1], 2 * restarts.FRAME_NUMBERS
            repeated = AdamRun(self.problem, self.options, start, most)
            with Team(self.problem) as team:
                for _ in repeated.advance(team):
                    pass
            frames = repeated.frames[0, : len(steps)]
        points = self.problem.points(np.concatenate([frames, self.q[i : i + 1]]))
        return np.append(steps, stop), points
