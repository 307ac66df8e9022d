"""What a part may take, and whether it is to stop."""

from typing import NamedTuple

# Attempts that are to stop, in this process: how, and why.
_stopped: dict[str, tuple[str, str]] = {}


class RunLimits(NamedTuple):
    """What a part may take.

    seconds : until it is stopped; 0 for as long as it needs.
    limit : of the whole run, to be named in the message.
    store_seconds : how long it waits for a database that is away; 0 until it is back.
    """

    seconds: float = 0.0
    limit: float = 0.0
    store_seconds: float = 120.0


def stop(attempt: str, state: str, message: str) -> None:
    """Make every part of this attempt in this process stop at its next report.

    Parameters
    ----------
    state, message : how the run is to end: cancelled, or failed at a limit.
    """
    _stopped.setdefault(attempt, (state, message))


def stopped(attempt: str) -> tuple[str, str] | None:
    """Return how this attempt is to end before its time, and why; None when it goes on."""
    return _stopped.get(attempt)
