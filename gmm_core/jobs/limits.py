"""What one person may ask for, and the sentences that say what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gmm_core.inference.cost import estimate_seconds, size
from gmm_core.runs import kinds
from gmm_core.store import Length

if TYPE_CHECKING:
    from gmm_core.runs.specification import Specification


LONG, SLOW = 2.0, 60.0  # seconds


def length(spec: Specification) -> Length:
    """Return how long a part of a run takes, as far as others have to wait for it."""
    seconds = estimate_seconds(spec) / kinds.parts(spec)
    return Length(int(seconds > LONG) + int(seconds > SLOW))


def check_size(spec: Specification, limit: float) -> None:
    """Refuse a run that is too large for this server.

    Raises
    ------
    ValueError
        With the run's size, the limit, and what to lower.
    """
    evaluations = size(spec)
    if 0 < limit < evaluations:
        N, D = spec.dataset.n, len(spec.dataset.columns)
        kind = kinds.named(spec.kind)
        raise ValueError(
            f"This run is too large for this server: {N:,} points × {D:,} columns × components × "
            f"{kind.counts} make {evaluations:.3g} evaluations, and {limit:.3g} is the limit "
            f"(GMM_RUN_SIZE). Use {kind.fewer}."
        )


def check_waiting(n_waiting: int, limit: int) -> None:
    """Refuse one more run of a person who has many waiting.

    Raises
    ------
    ValueError
        With their number and the limit.
    """
    if 0 < limit <= n_waiting:
        raise ValueError(
            f"{n_waiting:,} of your runs {'is' if n_waiting == 1 else 'are'} waiting, and "
            f"{limit:,} is the limit (GMM_QUEUED_RUNS). Wait until one has started, or "
            "cancel one on the Runs page."
        )


def check_waiting_here(n_waiting: int, limit: int) -> None:
    """Refuse one more run from an address from which many are waiting.

    Raises
    ------
    ValueError
        With their number and the limit.
    """
    if 0 < limit <= n_waiting:
        raise ValueError(
            f"{n_waiting:,} runs that were asked for from your network's address are waiting, and "
            f"{limit:,} is the limit (GMM_QUEUED_PER_ADDRESS). Wait until one has started."
        )


def check_numbers(spec: Specification, limit: float) -> None:
    """Refuse a run whose result would be too large to be kept and shown.

    Raises
    ------
    ValueError
        With the numbers in its result, the limit, and what to lower.
    """
    kind = kinds.named(spec.kind)
    numbers = kind.stored(spec)
    if 0 < limit < numbers:
        raise ValueError(
            f"The result of this run is too large for this server: it would have {numbers:.3g} "
            f"numbers ({kind.counts}), and {limit:.3g} is the limit (GMM_RUN_NUMBERS). "
            f"Use {kind.fewer}."
        )


def check_bytes(of_owner: int, limit: float) -> None:
    """Refuse one more run of a person whose results and data take much.

    Raises
    ------
    ValueError
        With what they take, the limit, and how to get below it.
    """
    if 0 < limit <= of_owner:
        raise ValueError(
            f"Your runs and data take {of_owner / 1e6:,.0f} MB, and {limit / 1e6:,.0f} MB are kept "
            "for one person (GMM_KEEP_BYTES). Delete runs that you no longer need on the Runs "
            "page, and ask again."
        )


def check_bytes_in_all(in_all: int, limit: float) -> None:
    """Refuse a run when everything that is kept is pinned, and is too much.

    Raises
    ------
    ValueError
        With what is kept, the limit, and how to get below it.
    """
    if 0 < limit <= in_all:
        raise ValueError(
            f"This server keeps {in_all / 1e6:,.0f} MB of runs and data, and {limit / 1e6:,.0f} MB "
            "is the limit (GMM_KEEP_BYTES_ALL). Delete runs of yours on the Runs page, take pins "
            "off, or tell whoever runs it."
        )


def too_long(seconds: float, kind: str) -> str:
    """Say why a run was stopped at the limit of time."""
    fewer = {k.name: k.fewer for k in kinds.every()}.get(kind, "fewer points")
    return (
        f"Stopped after {seconds:,g} s, the limit of a run on this server (GMM_RUN_SECONDS). "
        f"What it had is kept. Use {fewer}."
    )
