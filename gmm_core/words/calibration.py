"""What ranks of true quantities say of a sampler."""

from __future__ import annotations

from gmm_core.formatting import count, number
from gmm_core.posterior.calibration import QUANTITIES, Calibration

_REJECTED = 0.01
_ENOUGH = 50

CALIBRATION_HEAD = ("Quantity", "p of even ranks")


def calibration_words(calibration: Calibration) -> str:
    """Say whether a sampler gives calibrated answers, by which test, and on how many data sets."""
    n, failed = (
        calibration.known.shape[1],
        int(calibration.ranks.shape[1] - calibration.known.shape[1]),
    )
    also = f" In {count(failed, 'other')} the sampler gave up." if failed else ""
    if not calibration.n_bins:
        return (
            f"Not enough to tell: {count(n, 'data set')} of at least {_ENOUGH} that were simulated "
            f"and sampled.{also}"
        )
    test = f"chi-square test of {n:,} ranks, the least of {len(QUANTITIES)} quantities counted"
    if calibration.p_value < _REJECTED:
        return (
            f"No: the ranks of the {calibration.worst} are not even "
            f"(p = {number(calibration.p_value, 2)}, {test}). "
            "Either the sampler misses part of the posterior, or its draws depend on each other: "
            f"more draws for each that is kept tell which.{also}"
        )
    return (
        f"Yes, as far as {n:,} simulated data sets tell: true values lie among the draws where "
        f"chance puts them (p = {number(calibration.p_value, 2)}, {test}).{also}"
    )


def so_far_words(done: int, sets: int) -> str:
    """Say how far a calibration is."""
    return f"{done:,} of {count(sets, 'simulated data set')} sampled."


def calibration_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """Write each quantity as a row of `CALIBRATION_HEAD`."""
    return [(name, number(p, 2)) for name, p in calibration.p_values.items()]
