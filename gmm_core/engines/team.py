"""The cores that share a run's restarts, in batches of bounded time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gmm_core.engines import adam
from gmm_core.engines.problem import Problem

Array = NDArray[np.float64]

# A batch of work between two reports: short enough to look continuous and to cancel at once.
_BATCH_SECONDS = 0.02
# Below this a second thread costs more than it saves.
_THREAD_SECONDS = 0.002


class Team:
    """The cores, each with its scratch: runs slices of restarts, in batches of bounded time."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._scratch = [
            (np.empty(problem.work_size), np.empty(problem.size))
            for _ in range(len(os.sched_getaffinity(0)))
        ]
        self._pool: ThreadPoolExecutor | None = None
        # Seconds for one evaluation: a first guess, then what the last batch took.
        D, N = problem.n_columns, problem.x.shape[1]
        per_number = D * D if "correlation" in problem.slices else D
        self._cost = 1e-6 + 4e-9 * N * problem.mixture.n_components * per_number

    def __enter__(self) -> Team:
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
