"""Opening one restart of a fit: the same fit, told from where that restart ended.

A fit keeps the curves and ends of all its restarts, but the trajectory of the chosen one only.
Another restart's comes from a run of that start alone, which goes the same way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_core.mixture import Parameters
from gmm_core.options import MapOptions
from gmm_core.results import MapFit
from gmm_core.specification import Specification


def alone(spec: Specification, r: int) -> Specification:
    """Return the run of restart `r` of a MAP fit, by itself.

    Raises
    ------
    ValueError
        When the run is of another kind, or has no such restart.
    """
    options = spec.options
    if not isinstance(options, MapOptions):
        raise ValueError(f"A {spec.kind} run has no restarts. Give the specification of a fit.")
    if not 0 <= r < options.restarts:
        raise ValueError(
            f"There is no restart {r}. Give a number from 0 to {options.restarts - 1}."
        )
    one = {"restarts": 1, "first_seed": options.first_seed + r, "choose": "initial"}
    return spec.model_copy(update={"options": options.model_copy(update=one)})


def opened(fit: MapFit, r: int, by_itself: MapFit | None = None) -> MapFit:
    """Return `fit` with restart `r` as the one that is shown.

    Parameters
    ----------
    by_itself : the result of `alone(spec, r)`: its trajectory, and for a restart that was not
        trained all the rest. Without it the trajectory is the restart's end alone.

    Raises
    ------
    ValueError
        When there is no restart of that number.
    """
    end = fit.restart(r)
    if r == fit.chosen:
        return fit
    if by_itself is None:
        made = int(np.isfinite(fit.loss[r]).sum())
        steps = np.array([made if fit.verdict[r] != "untrained" else 0])
        frame = Parameters(end.weights[None], end.locs[None], end.scale_tril[None])
        return replace(fit, chosen=r, trajectory=(steps, frame))
    if fit.verdict[r] != "untrained":
        return replace(fit, chosen=r, trajectory=by_itself.trajectory)

    def with_row(array: np.ndarray, row: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed[r] = row
        return changed

    names = ("weights", "locs", "scale_tril")
    theirs = by_itself.parameters
    points = [with_row(getattr(fit.points, n), getattr(theirs, n)) for n in names]
    return replace(
        fit,
        chosen=r,
        trajectory=by_itself.trajectory,
        loss=with_row(fit.loss, by_itself.loss[0]),
        final_loss=with_row(fit.final_loss, by_itself.final_loss[0]),
        gradient_norm={
            name: with_row(norm, by_itself.gradient_norm[name][0])
            for name, norm in fit.gradient_norm.items()
        },
        points=Parameters(*points),
        verdict=with_row(fit.verdict, by_itself.verdict[0]),
    )
