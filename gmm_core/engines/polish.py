"""The last stretch of a fit: from where Adam wobbles to where the gradient vanishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def polish(
    loss_and_gradient: Callable[[dict[str, Array]], tuple[float, dict[str, Array]]],
    start: dict[str, Array],
    unit: Mapping[str, Array],
) -> dict[str, Array]:
    """Minimise a loss over named unconstrained arrays by L-BFGS-B; return the point it reached.

    Parameters
    ----------
    unit : the size of the arrays' numbers, by name, where it is not one: the search goes on in
        these units, so that numbers of unlike size move alike.

    The point is the best one seen when the search loses its way, as it does where the loss has no
    lower bound, and the start itself when no step lowers the loss: polishing never does harm.
    """
    from scipy.optimize import minimize

    names = list(start)
    sizes = [start[name].size for name in names]

    def split(x: Array) -> dict[str, Array]:
        pieces = np.split(x, np.cumsum(sizes)[:-1])
        shaped = {n: p.reshape(start[n].shape) for n, p in zip(names, pieces, strict=True)}
        return {n: value * unit.get(n, 1.0) for n, value in shaped.items()}

    def join(values: dict[str, Array]) -> Array:
        return np.concatenate([np.ravel(values[name]) for name in names])

    x0 = join({name: value / unit.get(name, 1.0) for name, value in start.items()})
    best: tuple[float, Array] = (np.inf, x0)

    def objective(x: Array) -> tuple[float, Array]:
        nonlocal best
        loss, gradient = loss_and_gradient(split(x))
        if loss < best[0]:
            best = loss, x.copy()
        # A step into overflow counts as uphill, which makes the line search shorten it.
        if not np.isfinite(loss):
            return 1e300, np.zeros_like(x)
        return loss, join({name: g * unit.get(name, 1.0) for name, g in gradient.items()})

    # ftol = 0: stop on the gradient alone, since a flat loss is no proof of convergence.
    optimum = minimize(
        objective,
        x0,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "maxcor": 20, "ftol": 0.0, "gtol": 1e-9},
    )
    # Within rounding of the best the last point is the one with the smaller gradient.
    return split(optimum.x if optimum.fun <= best[0] + 1e-12 * abs(best[0]) else best[1])
