"""A fit on its way: starts are given to the method one set after another, and all is recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gmm_core.data.dataset import Dataset
from gmm_core.engines.problem import Problem
from gmm_core.engines.restarts import Restarts
from gmm_core.engines.team import Team
from gmm_core.engines.training import Training
from gmm_core.mixture import Mixture, Parameters, from_sites
from gmm_core.runs.methods import METHODS
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import OnProgress, Patch, Reporter

Array = NDArray[np.float64]
Order = NDArray[np.intp]


class Climb:
    """R restarts of a fit, their record, and the cores that they share.

    Attributes
    ----------
    training : the record.
    reached : how many restarts have been given to the method.
    """

    training: Training

    def __init__(
        self,
        dataset: Dataset,
        mixture: Mixture,
        options: MapOptions,
        restarts: int,
        on_progress: OnProgress | None,
    ) -> None:
        self._dataset, self._mixture, self._options = dataset, mixture, options
        self._report = Reporter(on_progress)
        self._R, self.reached, self._done = restarts, 0, 0
        # The work on a restart: its steps, and the polish as so many more.
        self._each = options.steps
        if options.polish:
            self._each += METHODS[options.method].polishing
        self._problem = Problem.of(dataset, mixture)
        self._team = Team(self._problem)
        self._runs: dict[int, tuple[Restarts, int, Order]] = {}

    def __enter__(self) -> Climb:
        return self

    def __exit__(self, *error: object) -> None:
        self._team.__exit__(*error)

    def go(
        self, starts: dict[str, Array], alike: Sequence[tuple[int, Order]] | None = None
    ) -> None:
        """Begin the next restarts at `starts`, sites with a leading [n], and go all the way.

        Parameters
        ----------
        alike : for each of them the first that is a permutation of it, and the order that brings
            that one here; None where all differ. With `choose="initial"` only the restart with the
            smallest loss before any step goes on.
        """
        n = len(starts["weights"])
        K = self._mixture.n_components
        alike = alike or [(i, np.arange(K)) for i in range(n)]
        # Restart r goes the way of row `row[r]` of the distinct starts.
        distinct, row = np.unique([first for first, _ in alike], return_inverse=True)
        points = self._problem.unconstrain(starts)[distinct]
        values = np.empty(len(points))
        for _ in self._team.evaluate(points, values, np.empty_like(points)):
            self._report(self._done, max(self._R * self._each, 1), dict)
        before = self.reached
        self._begin(starts, -values[row])
        initial = self.training.loss[before : before + n, 0]
        leader = int(np.nanargmin(initial)) if np.any(np.isfinite(initial)) else 0
        if not self._options.trains_all:
            trained, restarts = slice(leader, leader + 1), np.array([leader])
            rows = row[restarts]
        else:
            trained, restarts = slice(0, n), np.arange(n)
            rows = np.arange(len(distinct))
        # Restart restarts[i] is row place[i] of the run.
        place = np.searchsorted(rows, row[restarts])
        shown = int(np.searchsorted(rows, row[leader]))
        run = METHODS[self._options.method].load()(self._problem, self._options, points[rows])
        self._follow(
            run,
            restarts + before,
            place,
            slice(trained.start + before, trained.stop + before),
            shown,
            self._done + (self._R - before if before or n < self._R else len(rows)) * self._each,
        )
        self._close(run, restarts + before, place, [alike[r][1] for r in restarts])
        self._done += n * self._each

    def _begin(self, starts: dict[str, Array], loss: Array) -> None:
        """Record where the next restarts begin."""
        n = len(loss)
        point = from_sites(self._mixture, starts, self._problem.box)
        if self.reached == 0:
            every = np.arange(self._R) % n
            begun_loss = np.where(np.arange(self._R) < n, loss[every], np.nan)
            self.training = Training.empty(self._mixture, self._options, point[every], begun_loss)
        else:
            new = slice(self.reached, self.reached + n)
            self.training.loss[new, 0] = loss
            self.training.made[new] = np.isfinite(loss)
            for name, array in point.arrays().items():
                self.training.at[name][new] = array
        self.reached += n

    def _follow(
        self,
        run: Restarts,
        restarts: NDArray[np.intp],
        place: NDArray[np.intp],
        trained: slice,
        shown: int,
        total: int,
    ) -> None:
        training, report = self.training, self._report
        report(self._done, total, training.first_news)
        report.flush()

        def news() -> dict[str, Patch]:
            new = run.fresh()
            if new.start == new.stop:
                return {}
            columns = training.columns(new)
            recorded = np.ix_(place, training.recorded[columns])
            training.loss[restarts, columns] = run.loss[recorded]
            for norm, values in zip(training.gradient_norm.values(), run.norms, strict=True):
                norm[restarts, columns] = values[recorded]
            return training.news(trained, new, lambda: run.now(shown))

        for done in run.advance(self._team):
            report(self._done + done, total, news)
        report.flush()
        news()
        R, T = run.loss.shape
        for share in run.finish(self._dataset, self._team):
            report(self._done + R * T + int(share * R * (self._each - T)), total, dict)
        report(self._done + R * self._each, total, dict)
        report.flush()

    def _close(
        self,
        run: Restarts,
        restarts: NDArray[np.intp],
        place: NDArray[np.intp],
        orders: Sequence[Order],
    ) -> None:
        """Record where restarts have ended."""
        training = self.training
        order = np.stack(orders)
        for name, array in run.points[place].arrays().items():
            if name in Parameters.shapes(1, 1):  # what the components have, in their order
                which = order.reshape(*order.shape, *(1,) * (array.ndim - 2))
                array = np.take_along_axis(array, which, axis=1)
            training.at[name][restarts] = array
        training.made[restarts] = np.isfinite(run.loss).sum(axis=1)[place]
        training.final_loss[restarts] = run.final_loss[place]
        training.gradient[restarts] = run.size[place]
        training.trained[restarts] = True
        training.broken[restarts] = run.broken[place]
        training.collapsed[restarts] = run.collapsed[place]
        training.held[restarts] = np.take_along_axis(run.held[place], order, axis=1)
        ways = zip(restarts, place, orders, strict=True)
        self._runs |= {int(r): (run, int(i), turn) for r, i, turn in ways}
        training.norms_along = self._norms_along
        training.trajectories = _Trajectories(self._runs)

    def _norms_along(self, r: int) -> Array:
        run, i, _ = self._runs[r]
        with Team(self._problem) as team:
            return run.norms_along(i, team)


class _Trajectories(dict[int, tuple[NDArray[np.int64], Parameters]]):
    """The trajectory of each trained restart, made when it is asked for."""

    def __init__(self, climbed: dict[int, tuple[Restarts, int, Order]]) -> None:
        super().__init__()
        self._runs = climbed

    def __missing__(self, r: int) -> tuple[NDArray[np.int64], Parameters]:
        run, i, order = self._runs[r]
        steps, points = run.trajectory(i)
        self[r] = steps, points.permuted(order)
        return self[r]
