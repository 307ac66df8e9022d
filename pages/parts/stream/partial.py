"""What a run has found so far: its progress, read as what its figures draw."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmm_core.mixture import Parameters
from gmm_core.posterior.calibration import Calibration
from gmm_core.runs.options import MapOptions, NutsOptions, SmcOptions
from gmm_core.runs.recorded import recorded_steps, shown_draws
from gmm_core.runs.results import GuideFit
from gmm_core.runs.specification import Specification
from pages.parts.stream import live

Array = NDArray[np.float64]


def point(view: live.View) -> Parameters | None:
    """Return where a running fit is now, or None before its first report."""
    arrays = _arrays(view)
    try:
        return Parameters.of(arrays)
    except ValueError:
        return None


class Curves(NamedTuple):
    """A running fit's `loss` [R, C] and its leading start's gradient norms [C] before `steps`."""

    loss: Array
    norms: dict[str, Array]
    steps: NDArray[np.int64]


def curves(view: live.View, steps: int) -> Curves:
    """Return the curves of a running fit of so many steps, NaN before its first report."""
    arrays = _arrays(view)
    recorded = np.arange(steps)
    if "loss" not in arrays:
        nothing = np.full(steps, np.nan)
        return Curves(nothing[None], {"locs": nothing}, recorded)
    loss = arrays["loss"]
    row = int(np.isfinite(loss).sum(axis=1).argmax())
    prefix = "gradient_norm."
    norms = {
        name.removeprefix(prefix): array[row]
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    # Not all are recorded of many starts, but of runs that an earlier version has stopped.
    if loss.shape[1] < steps:
        spec = _spec(view)
        assert isinstance(spec.options, MapOptions)
        recorded = recorded_steps(spec.mixture, spec.dataset.values.shape[1], spec.options)
    return Curves(loss, norms or {"locs": np.full(len(recorded), np.nan)}, recorded)


def guide(view: live.View) -> dict[str, Any]:
    """Return the guide's loss, gradient norm and probabilities as far as they are known."""
    if view.result is not None:
        fit: GuideFit = view.result
        norm = fit.gradient_norm["assignment_probs"]
        return {"loss": fit.loss, "norm": norm, "probs": fit.assignment_probs}
    arrays = _arrays(view)
    nothing = np.full(getattr(_spec(view).options, "steps", 1), np.nan)
    return {
        "loss": arrays.get("loss", nothing),
        "norm": arrays.get("gradient_norm.assignment_probs", nothing),
        "probs": arrays.get("assignment_probs", np.empty((0, 1))),
    }


def has_draws(view: live.View) -> bool:
    """Whether a run of NUTS is under way and has drawn something, in its warm-up or after it."""
    return view.live and any(name.startswith(("draws.", "warmup.")) for name in _arrays(view))


def draws(view: live.View) -> dict[str, Any]:
    """Return the draws, statistics and warm-up of a run of NUTS, NaN where there are none yet.

    "draws" and "stats" are as those of a `Posterior`; "warmup" is [C, W, K, D], or None without
    one. Of draws and warm-up one of "every" is there, where there are very many.
    """
    arrays, spec = _arrays(view), _spec(view)
    assert isinstance(spec.options, NutsOptions | SmcOptions)
    C, S, W = spec.options.chains, spec.options.draws, getattr(spec.options, "warmup", 0)
    K, D = spec.mixture.n_components, len(spec.dataset.columns)
    every = shown_draws(K, D, spec.options)
    shown = -(-S // every)

    def array(name: str, *shape: int) -> Array:
        return arrays[name] if name in arrays else np.full(shape, np.nan)

    return {
        "draws": {
            name: array(f"draws.{name}", C, shown, *shape)
            for name, shape in Parameters.shapes(K, D).items()
        },
        "stats": {
            "diverging": array("stats.diverging", C, S),
            "acceptance": array("stats.acceptance", C, S),
            "step_size": array("stats.step_size", C),
        },
        "warmup": array("warmup.locs", C, -(-W // every), K, D) if W else None,
        "every": every,
    }


def calibration(view: live.View) -> Calibration | None:
    """Return the ranks of a calibration as far as they are known; None before the first."""
    if view.result is not None:
        calibration: Calibration = view.result
        return calibration
    ranks = _arrays(view).get("ranks")
    return None if ranks is None else Calibration(ranks)


def weighing(view: live.View) -> tuple[Array, Array] | None:
    """Return temperatures and log evidences [C] of a run that weighs modes; None of another."""
    arrays = _arrays(view)
    if "temperature" not in arrays:
        return None
    return arrays["temperature"], arrays["stats.log_evidence"]


def _arrays(view: live.View) -> dict[str, Array]:
    return view.status.snapshot if view.status is not None else {}


def _spec(view: live.View) -> Specification:
    assert view.spec is not None  # it has a figure
    return view.spec
