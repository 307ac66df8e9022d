"""What ranks of true quantities say of a sampler."""

from __future__ import annotations

from gmm_core.formatting import count, number
from gmm_core.posterior.calibration import QUANTITIES, Calibration

_REJECTED = 0.01
_ENOUGH = 50

CALIBRATION_HEAD = ("Quantity", "p of even ranks")


def calibration_words(found: Calibration) -> str:
    """Say whether a sampler gives calibrated answers, by which test, and on how many data sets."""
    n, lost = found.known.shape[1], int(found.ranks.shape[1] - found.known.shape[1])
    also = f" In {count(lost, 'other')} the sampler gave up." if lost else ""
    if not found.n_bins:
        return (
            f"Not enough to tell: {count(n, 'data set')} of at least {_ENOUGH} that were simulated "
            f"and sampled.{also}"
        )
    test = f"chi-square test of {n:,} ranks, the least of {len(QUANTITIES)} quantities counted"
    if found.p_value < _REJECTED:
        return (
            f"No: the ranks of the {found.worst} are not even "
            f"(p = {number(found.p_value, 2)}, {test}). "
            "Either the sampler misses part of the posterior, or its draws depend on each other: "
            f"more draws for each that is kept tell which.{also}"
        )
    return (
        f"Yes, as far as {n:,} simulated data sets tell: true values lie among the draws where "
        f"chance puts them (p = {number(found.p_value, 2)}, {test}).{also}"
    )


def so_far_words(done: int, sets: int) -> str:
    """Say how far a calibration is."""
    return f"{done:,} of {count(sets, 'simulated data set')} sampled."


def calibration_rows(found: Calibration) -> list[tuple[str, ...]]:
    """Write each quantity as a row of `CALIBRATION_HEAD`."""
    return [(name, number(p, 2)) for name, p in found.p_values.items()]
