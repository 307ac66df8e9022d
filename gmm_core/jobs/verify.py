"""Whether a stored run, computed again, gives the same numbers.

A run is a pure function of its specification, so on the same machine and with the same versions
every number comes out the same. The repetition is a run of its own on the workers; the stored
result stays as it is, and what the comparison said is kept with it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from gmm_core.runs.sameness import TOLERANCE, Verdict, compare

if TYPE_CHECKING:
    from gmm_core.jobs import JobService, RunStatus


def start(service: JobService, run_id: str, owner: str = "", place: str = "") -> str:
    """Compute a finished run again on the workers, beside the stored one.

    Parameters
    ----------
    owner, place : who asks, and where from, as of `JobService.submit`.

    Returns
    -------
    The id of the run that computes it, to be watched and cancelled like any other.

    Raises
    ------
    ValueError
        When no run has this id, it did not finish, or its owner has too many runs waiting.
    """
    return service.verify(run_id, owner, place)


def verdict_on(service: JobService, run_id: str) -> RunStatus | Verdict | None:
    """Say where the last check of a run stands.

    Returns
    -------
    The status of the run that computes it again while that is under way; then the verdict, which is
    kept; None when the run was never checked.
    """
    check = service.store.check(run_id)
    if check is None:
        return None
    if check.verdict is not None:
        return Verdict(**{**check.verdict, "made": check.made})
    try:
        status = service.status(check.check_id)
    except ValueError:  # somebody else has compared it in this moment
        check = service.store.check(run_id)
        if check is None or check.verdict is None:
            return None
        return Verdict(**{**check.verdict, "made": check.made})
    if status.live:
        return status
    verdict = _judge(service, run_id, check.check_id, status)
    stored = asdict(verdict)
    del stored["made"]
    service.store.end_check(run_id, stored)
    return verdict


def _judge(service: JobService, run_id: str, check_id: str, status: RunStatus) -> Verdict:
    then = service.store.state(run_id).versions
    now = service.store.state(check_id).versions
    if status.state != "done":
        return Verdict("failed", None, message=status.message, then=then, now=now)
    # From the store itself: the service may still hold the result as it was when it was written.
    try:
        stored = service.store.result(run_id)
    except ValueError as error:
        return Verdict("damaged", None, message=str(error), then=then, now=now)
    differences = compare(stored, service.store.result(check_id))
    if differences.relative == 0:
        answer = "equal"
    else:
        answer = "close" if differences.relative <= TOLERANCE else "different"
    difference = differences.relative if np.isfinite(differences.relative) else None
    return Verdict(answer, difference, differences.where, then=then, now=now)
