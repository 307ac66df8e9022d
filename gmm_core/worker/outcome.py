"""What the store is told of a run beside its result: how it ended, in a few words, by what."""

from importlib import metadata
from typing import Any

import numpy as np

_PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "pyro-ppl",
    "distributed",
    "numba",
    "nutpie",
    "scikit-learn",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about the numbers."""
    import platform

    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package.removesuffix("-ppl")] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def judge(result: Any) -> tuple[str, str]:
    """State and message of a run that came to its end: a fit that diverged has failed."""
    verdict = getattr(result, "verdict", None)
    # An EM fit has one verdict and none of them is a failure; a comparison has one for each cell.
    if verdict is None or isinstance(verdict, str) or str(verdict[result.chosen]) != "failed":
        return "done", ""
    loss = np.append(result.loss[result.chosen], result.final_loss[result.chosen])
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        came = "NaN" if np.isnan(loss[broken[0]]) else "infinite"
        what = f"The loss became {came} at step {broken[0]}"
    else:
        what = "The parameters left the range of numbers"
    return "failed", f"{what}: the fit diverged. Lower the learning rate and run it again."


def headline(result: Any) -> str:
    """Say a result in a few words, for the list of runs."""
    kind = type(result).__name__
    if kind == "MapFit":
        return f"loss {result.final_loss[result.chosen]:.6g}"
    if kind == "GuideFit":
        return f"loss {result.loss[-1]:.6g}" if len(result.loss) else ""
    if kind == "EmFit":
        return f"log likelihood {result.log_likelihood[-1]:.6g}"
    if kind == "Comparison":
        from gmm_core.comparison import best

        winner = best(result.rows)
        if winner is None:
            return "no optimum"
        row = result.rows[winner]
        shared = "shared" if row.tied else "own"
        return f"best by BIC: K = {row.n_components}, {row.covariance}, {shared}, {row.bic:.6g}"
    if kind == "Posterior":
        diverging = np.asarray(result.stats["diverging"])
        count = int(np.nansum(diverging))
        return f"{diverging.size:,} draws, {count:,} divergent"
    return ""
