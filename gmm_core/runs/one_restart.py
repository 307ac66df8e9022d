"""Opening one restart of a fit: the same fit, told from where that restart ended.

A fit keeps the curves and ends of all its restarts, but the trajectory of the chosen one only.
Another restart's comes from a run of that start alone, which goes the same way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gmm_core.mixture import Parameters
from gmm_core.runs.options import MapOptions
from gmm_core.runs.results import MapFit
from gmm_core.runs.specification import Specification
from gmm_core.runs.starts import STARTS


def alone(spec: Specification, r: int, fit: MapFit | None = None) -> Specification:
    """Return the run of restart `r` of a MAP fit, by itself.

    Parameters
    ----------
    fit : its result. Starts of a search hang on one another and are not kept: the run of one alone
        begins where it ended.

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
    one: dict[str, object] = {"restarts": 1, "choose": "initial"}
    if STARTS[options.start].search:
        if fit is None:
            raise ValueError("Starts of a search hang on one another. Give the fit as well.")
        changed = options.model_copy(update={**one, "start": "given"})
        return spec.model_copy(update={"options": changed, "parameters": fit.restart(r)})
    one["first_seed"] = options.first_seed + r
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
        made = int(fit.steps_made[r])
        steps = np.array([made if fit.verdict[r] != "untrained" else 0])
        return replace(fit, chosen=r, trajectory=(steps, end.reshape(1)))
    if fit.verdict[r] != "untrained":
        return replace(fit, chosen=r, trajectory=by_itself.trajectory)

    def with_row(array: np.ndarray, row: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed[r] = row
        return changed

    arrays = by_itself.parameters.arrays()
    points = {name: with_row(array, arrays[name]) for name, array in fit.points.arrays().items()}
    return replace(
        fit,
        chosen=r,
        trajectory=by_itself.trajectory,
        # Of one restart alone every step is recorded.
        loss=with_row(fit.loss, by_itself.loss[0, fit.steps]),
        final_loss=with_row(fit.final_loss, by_itself.final_loss[0]),
        gradient_norm={
            name: with_row(norm, by_itself.gradient_norm[name][0, fit.steps])
            for name, norm in fit.gradient_norm.items()
        },
        points=Parameters.of(points),
        verdict=with_row(fit.verdict, by_itself.verdict[0]),
        made=None if fit.made is None else with_row(fit.made, by_itself.steps_made[0]),
    )
