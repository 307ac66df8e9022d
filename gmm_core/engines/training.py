"""The record that an engine keeps while it trains restarts: curves, ends, trajectories.

Engines fill it in; `inference.fit_map` judges it and makes the `MapFit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Mixture, Parameters, from_sites
from gmm_core.runs.options import MapOptions
from gmm_core.runs.progress import Patch
from gmm_core.runs.recorded import recorded_steps

Array = NDArray[np.float64]
Sites = dict[str, Array]


@dataclass(eq=False)
class Training:
    """R restarts in the making; what is not known yet is NaN.

    `loss` and each of `gradient_norm` are [R, C], before the steps `recorded` [C] of T; `made` [R]
    counts all whose loss was finite. `final_loss` and `gradient` (the size of the gradient per
    point, see `diagnostics.gradient_size`) are [R]. `trained` says which restarts made steps,
    `broken` which ended because a loss was no longer finite, `collapsed` which because a component
    was lost. `at` holds where each is, the arrays of its point with a leading [R].
    `origin` names the kind of each start, where a search has had several.
    `held` [R, K] are sums of responsibilities, where the method has known them.
    `norms_along` gives the gradient's norm of each site along one restart [S, T], where an
    engine takes it for the one that is shown only.
    """

    mixture: Mixture
    recorded: NDArray[np.int64]
    loss: Array
    gradient_norm: dict[str, Array]
    made: NDArray[np.int64]
    at: dict[str, Array]
    final_loss: Array
    gradient: Array
    trained: NDArray[np.bool_]
    broken: NDArray[np.bool_]
    collapsed: NDArray[np.bool_]
    held: Array
    origin: NDArray[np.str_] | None = None
    norms_along: Callable[[int], Array] | None = None
    trajectories: dict[int, tuple[NDArray[np.int64], Parameters]] = field(default_factory=dict)

    @classmethod
    def empty(
        cls, mixture: Mixture, options: MapOptions, starts: Parameters, initial_loss: Array
    ) -> Training:
        """Return the record before any step: `starts` with a leading [R] and their losses [R]."""
        R, D = len(starts), starts.locs.shape[-1]
        recorded = recorded_steps(mixture, D, options)
        names = ["weights", "locs", *(site.name for site in mixture.sites(D))]
        loss = np.full((R, len(recorded)), np.nan)
        loss[:, 0] = initial_loss
        return cls(
            mixture=mixture,
            recorded=recorded,
            loss=loss,
            gradient_norm={name: np.full_like(loss, np.nan) for name in names},
            made=np.isfinite(initial_loss).astype(np.int64),
            at={name: array.copy() for name, array in starts.arrays().items()},
            final_loss=np.full(R, np.nan),
            gradient=np.full(R, np.nan),
            trained=np.zeros(R, dtype=bool),
            broken=np.zeros(R, dtype=bool),
            collapsed=np.zeros(R, dtype=bool),
            held=np.full((R, mixture.n_components), np.nan),
        )

    @property
    def box(self) -> Array | None:
        """The noise's box [D], where there is noise."""
        return self.at["box"][0] if "box" in self.at else None

    @property
    def points(self) -> Parameters:
        """Where each restart is [R]."""
        return Parameters.of(self.at)

    def columns(self, steps: slice) -> slice:
        """Return the columns in which those of these steps are that are recorded."""
        first, last = np.searchsorted(self.recorded, (steps.start, steps.stop))
        return slice(int(first), int(last))

    def step(self, r: int, t: int, loss: float, norms: dict[str, float]) -> None:
        """Record of restart `r` the loss before step `t`, and the gradient's norms."""
        self.made[r] = t + np.isfinite(loss)
        column = self.columns(slice(t, t + 1))  # empty where the step is not recorded
        self.loss[r, column] = loss
        for name, norm in norms.items():
            self.gradient_norm[name][r, column] = norm

    def end(
        self,
        r: int,
        steps: NDArray[np.int64],
        frames: Sites,
        final_loss: float,
        gradient: float,
        broken: bool,
    ) -> None:
        """Close restart `r`: its frames as sites with a leading [M], the last where it ended."""
        points = from_sites(self.mixture, frames, self.box)
        self.trajectories[r] = (steps, points)
        self.place(r, points[-1])
        self.final_loss[r], self.gradient[r] = final_loss, gradient
        self.trained[r], self.broken[r] = True, broken

    def copy(self, source: int, target: int, order: NDArray[np.intp]) -> None:
        """Give restart `target` what `source` found, with its components in `order`."""
        numbers = (self.loss, *self.gradient_norm.values(), self.final_loss, self.gradient)
        for array in (*numbers, self.made, self.trained, self.broken):
            array[target] = array[source]
        steps, points = self.trajectories[source]
        self.trajectories[target] = (steps, points.permuted(order))
        self.place(target, self.trajectories[target][1][-1])

    def place(self, r: int, point: Parameters) -> None:
        """Let restart `r` be at a point."""
        for name, array in point.arrays().items():
            self.at[name][r] = array

    def first_news(self) -> dict[str, Patch]:
        """Return the patch that shows the loss of every start."""
        return {"loss": Patch(self.loss.shape, (0, 0), self.loss[:, :1].copy())}

    def news(
        self, r: int | slice, new: slice, current: Callable[[], Parameters]
    ) -> dict[str, Patch]:
        """Return patches for the new steps of restart `r`, or several, and where one is now."""
        rows, columns = r if isinstance(r, slice) else slice(r, r + 1), self.columns(new)
        where = (rows.start, columns.start)
        patches = {
            f"gradient_norm.{name}": Patch(norm.shape, where, norm[rows, columns].copy())
            for name, norm in self.gradient_norm.items()
        }
        patches["loss"] = Patch(self.loss.shape, where, self.loss[rows, columns].copy())
        try:
            point = current()
        except ValueError:
            # Overflowed on its way to being reported as failed: there is no point to draw.
            return patches
        return patches | {name: Patch.whole(array) for name, array in point.arrays().items()}
