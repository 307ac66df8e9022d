"""The last stretch of a fit: from where Adam wobbles to where the gradient vanishes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def polish(
    loss_and_gradient: Callable[[dict[str, Array]], tuple[float, dict[str, Array]]],
    start: dict[str, Array],
) -> dict[str, Array]:
    """Minimise a loss over named unconstrained arrays by L-BFGS-B; return the point it reached.

    The point is the best one seen when the search loses its way, as it does where the loss has no
    lower bound, and the start itself when no step lowers the loss: polishing never does harm.
    """
    from scipy.optimize import minimize

    names = list(start)
    sizes = [start[name].size for name in names]

    def split(x: Array) -> dict[str, Array]:
        pieces = np.split(x, np.cumsum(sizes)[:-1])
        return {n: p.reshape(start[n].shape) for n, p in zip(names, pieces, strict=True)}

    def join(values: dict[str, Array]) -> Array:
        return np.concatenate([np.ravel(values[name]) for name in names])

    x0 = join(start)
    best: tuple[float, Array] = (np.inf, x0)

    def objective(x: Array) -> tuple[float, Array]:
        nonlocal best
        loss, gradient = loss_and_gradient(split(x))
        if loss < best[0]:
            best = loss, x.copy()
        # A step into overflow counts as uphill, which makes the line search shorten it.
        return (loss, join(gradient)) if np.isfinite(loss) else (1e300, np.zeros_like(x))

    # ftol = 0: stop on the gradient alone, since a flat loss is no proof of convergence.
    found = minimize(
        objective,
        x0,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "maxcor": 20, "ftol": 0.0, "gtol": 1e-9},
    )
    # Within rounding of the best the last point is the one with the smaller gradient.
    return split(found.x if found.fun <= best[0] + 1e-12 * abs(best[0]) else best[1])
