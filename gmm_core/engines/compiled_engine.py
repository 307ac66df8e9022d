"""The fast engine: every restart at once, on a compiled kernel, along Pyro's own curves.

The starts, the coordinates and Adam are those of the Pyro engine, so the curves are the same to
rounding. Restarts go forward together, some steps at a time, spread over the cores; between two
such batches the run reports and can be cancelled.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gmm_core.dataset import Dataset
from gmm_core.diagnostics import is_collapsed
from gmm_core.engines import adam, lbfgs
from gmm_core.engines.problem import Problem
from gmm_core.engines.starts import start_locs, start_sites, twins
from gmm_core.engines.training import Training, frame_steps
from gmm_core.mixture import Mixture, Parameters, from_sites
from gmm_core.options import MapOptions
from gmm_core.progress import OnProgress, Patch, Reporter

Array = NDArray[np.float64]

# A batch of work between two reports: short enough to look continuous and to cancel at once.
_BATCH_SECONDS = 0.02
# Below this a second thread costs more than it saves.
_THREAD_SECONDS = 0.002
# Frames of all restarts are kept up to this many numbers (64 MB); beyond, the chosen restart is
# trained a second time for them.
_FRAME_NUMBERS = 8_000_000
# About how many evaluations it takes to polish one restart.
_POLISH_STEPS = 100


def fit_map(
    dataset: Dataset, mixture: Mixture, options: MapOptions, on_progress: OnProgress | None = None
) -> Training:
    """Train restarts side by side. See `inference.fit_map`.

    Restarts whose starts are permutations of each other are trained once. A restart that has
    collapsed beyond return is stopped there, and its curve ends.
    """
    report = Reporter(on_progress)
    problem = Problem.of(dataset, mixture)
    T = options.steps
    locs = start_locs(dataset, mixture.n_components, options)
    one = start_sites(dataset, mixture, locs[0], options.start_scale)
    starts = {n: np.broadcast_to(v, (len(locs), *v.shape)) for n, v in one.items()} | {"locs": locs}
    alike = twins(list(locs))
    # Restart r goes the way of row `row[r]` of the distinct starts.
    distinct, row = np.unique([first for first, _ in alike], return_inverse=True)
    everywhere = problem.unconstrain(starts)

    with _Team(problem) as team:
        points = everywhere[distinct]
        values = np.empty(len(points))
        for _ in team.evaluate(points, values, np.empty_like(points)):
            report(0, T, dict)
        training = Training.empty(mixture, options, from_sites(mixture, starts), -values[row])
        initial = training.loss[:, 0]
        leader = int(np.nanargmin(initial)) if np.any(np.isfinite(initial)) else 0
        if options.choose == "initial":
            trained, restarts = slice(leader, leader + 1), np.array([leader])
            rows = row[restarts]
        else:
            trained, restarts = slice(0, len(locs)), np.arange(len(locs))
            rows = np.arange(len(distinct))
        # Restart restarts[i] is row place[i] of the run.
        place = np.searchsorted(rows, row[restarts])
        shown = int(np.searchsorted(rows, row[leader]))
        run = _Run(problem, options, points[rows], _FRAME_NUMBERS)
        total = len(rows) * T
        report(0, total, training.first_news)
        report.flush()
        sent = 0

        def news() -> dict[str, Patch]:
            nonlocal sent
            if sent == run.step:
                return {}
            new, sent = slice(sent, run.step), run.step
            training.loss[restarts, new] = run.loss[place, new]
            for norm, values in zip(training.gradient_norm.values(), run.norms, strict=True):
                norm[restarts, new] = values[place, new]
            return training.news(trained, new, problem.constrain(run.q[shown]))

        for done in run.advance(team):
            report(done, total, news)
        report.flush()
        news()
        for _ in run.finish(dataset, team, options.polish):
            report(total, total, dict)

    orders = {int(r): (int(i), alike[r][1]) for r, i in zip(restarts, place, strict=True)}
    for r, (i, order) in orders.items():
        training.weights[r] = run.points.weights[i][order]
        training.locs[r] = run.points.locs[i][order]
        training.scale_tril[r] = run.points.scale_tril[i][order]
    training.final_loss[restarts] = run.final_loss[place]
    training.gradient[restarts] = run.size[place]
    training.trained[restarts] = True
    training.broken[restarts] = run.broken[place]
    training.trajectories = _Trajectories(run, orders)
    return training


class _Team:
    """The cores, each with its scratch: runs slices of restarts, in batches of bounded time."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._scratch = [
            (np.empty(problem.work_size), np.empty(problem.size))
            for _ in range(len(os.sched_getaffinity(0)))
        ]
        self._pool: ThreadPoolExecutor | None = None
        # Seconds for one evaluation: a first guess, then what the last batch took.
        D, N = problem.x.shape
        per_number = D * D if "correlation" in problem.slices else D
        self._cost = 1e-6 + 4e-9 * N * problem.mixture.n_components * per_number

    def __enter__(self) -> _Team:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def cores(self) -> int:
        """How many slices run at the same time."""
        return len(self._scratch)

    @property
    def budget(self) -> int:
        """How many evaluations a batch may take."""
        return max(1, int(_BATCH_SECONDS * len(self._scratch) / self._cost))

    def run(self, call: Callable[..., None], first: int, last: int, times: int) -> None:
        """Call `call(first, last, *scratch)` for slices of restarts on all cores."""
        began = time.perf_counter()
        count = last - first
        cores = min(len(self._scratch), count)
        if count * times * self._cost < _THREAD_SECONDS:
            cores = 1
        if cores == 1:
            call(first, last, *self._scratch[0])
        else:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(len(self._scratch))
            cuts = [first + count * c // cores for c in range(cores + 1)]
            tasks = [
                self._pool.submit(call, a, b, *scratch)
                for a, b, scratch in zip(cuts, cuts[1:], self._scratch, strict=False)
            ]
            for task in tasks:
                task.result()
        seen = (time.perf_counter() - began) * cores / (count * times)
        self._cost = min(max(seen, self._cost / 4, 1e-8), self._cost * 4)

    def evaluate(self, q: Array, value: Array, gradient: Array) -> Iterator[None]:
        """Fill in log joint [R] and gradient [R, P] of points [R, P], a batch at a time."""
        p = self._problem

        def call(first: int, last: int, work: Array, _: Array) -> None:
            adam.evaluate(first, last, q, p.x, p.numbers, p.layout, work, value, gradient)

        first = 0
        while first < len(q):
            last = min(len(q), first + self.budget)
            self.run(call, first, last, 1)
            first = last
            yield


class _Run:
    """Adam from R' distinct starts, with what it records."""

    def __init__(
        self, problem: Problem, options: MapOptions, starts: Array, frames: int = _FRAME_NUMBERS
    ) -> None:
        self.problem, self.options, self.starts = problem, options, starts
        R, P = starts.shape
        T, S = options.steps, len(problem.slices)
        self.keep = frame_steps(problem.mixture, problem.x.shape[0], T)
        self.step = 0
        self.q, self.before = starts.copy(), starts.copy()
        self.mean, self.square = np.zeros((R, P)), np.zeros((R, P))
        self.ended = np.full(R, -1)
        self.broken = np.zeros(R, dtype=bool)
        self.loss = np.full((R, T), np.nan)
        self.norms = np.full((S, R, T), np.nan)
        M = len(self.keep) if R * len(self.keep) * P <= frames else 0
        self.frames = np.empty((R, M, P))
        # The last frame is where the run ended, which may be elsewhere after polishing.
        self.frame_of = np.full(T + 1, -1)
        self.frame_of[self.keep] = np.arange(len(self.keep))
        self._bounds = np.array([0, *(s.stop for s in problem.slices.values())])
        self._rates = adam.rates(T, options.learning_rate, options.betas)
        self._limits = adam.limits(problem)

    def advance(self, team: _Team) -> Iterator[int]:
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

    def finish(self, dataset: Dataset, team: _Team, polished: bool) -> Iterator[None]:
        """Judge where each restart ended, after polishing the live ones if asked to."""
        R, T = self.loss.shape
        value, gradient = np.empty(R), np.empty_like(self.q)
        yield from team.evaluate(self.q, value, gradient)
        # The last step may have led out of the range of numbers: the point before it is sound.
        bad = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
        self.q[bad] = self.before[bad]
        self.ended[bad & ~self.broken] = T - 1
        self.broken |= bad
        self.points = self._points()
        if polished:
            live = ~self.broken & (self.ended < 0)
            for i in map(int, np.flatnonzero(live)):
                live[i] = not is_collapsed(dataset, self.problem.mixture, self.points[i])
            yield from self._polish(team, live)
            self.points = self._points()
        if polished or np.any(bad):
            yield from team.evaluate(self.q, value, gradient)
        self.final_loss = -value
        # As `diagnostics.gradient_size`, for all restarts at once.
        where = self.problem.slices["locs"]
        with np.errstate(over="ignore"):
            gradient[:, where] *= self.points.scales.reshape(R, -1)
            self.size = np.linalg.norm(gradient, axis=1) / len(dataset.values)

    def _points(self) -> Parameters:
        return from_sites(self.problem.mixture, self.problem.constrain(self.q))

    def _polish(self, team: _Team, live: NDArray[np.bool_]) -> Iterator[None]:
        p, R = self.problem, len(self.q)
        unit = np.ones(p.size)
        K = p.mixture.n_components
        unit[p.slices["locs"]] = np.tile(p.x.std(axis=1), K)

        def call(first: int, last: int, work: Array, _: Array) -> None:
            lbfgs.polish(
                first, last, live, unit, self._limits,
                p.x, p.numbers, p.layout, work, self.q,
            )  # fmt: skip

        first = 0
        while first < R:
            last = min(R, first + max(team.cores, team.budget // _POLISH_STEPS))
            team.run(call, first, last, _POLISH_STEPS)
            first = last
            yield

    def trajectory(self, i: int) -> tuple[NDArray[np.int64], Parameters]:
        """Return steps [M] and points of row `i`; the last is where it ended."""
        T = self.options.steps
        stop = int(self.ended[i]) if self.ended[i] >= 0 else T
        steps = self.keep[self.keep < stop]
        if self.frames.shape[1]:
            frames = self.frames[i, : len(steps)]
        else:
            again = _Run(self.problem, self.options, self.starts[i : i + 1], 2 * _FRAME_NUMBERS)
            with _Team(self.problem) as team:
                for _ in again.advance(team):
                    pass
            frames = again.frames[0, : len(steps)]
        sites = self.problem.constrain(np.concatenate([frames, self.q[i : i + 1]]))
        return np.append(steps, stop), from_sites(self.problem.mixture, sites)


class _Trajectories(dict[int, tuple[NDArray[np.int64], Parameters]]):
    """The trajectory of each trained restart, made when it is asked for."""

    def __init__(self, run: _Run, orders: dict[int, tuple[int, NDArray[np.intp]]]) -> None:
        super().__init__()
        self._run, self._orders = run, orders

    def __missing__(self, r: int) -> tuple[NDArray[np.int64], Parameters]:
        i, order = self._orders[r]
        steps, points = self._run.trajectory(i)
        self[r] = steps, points.permuted(order)
        return self[r]
