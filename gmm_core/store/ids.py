"""What names a run, the states it goes through, and the clock of the store."""

import re
from datetime import UTC, datetime
from typing import Any

LIVE = ("queued", "running")
ENDED = ("done", "failed", "cancelled")


def check_run_id(run_id: str) -> str:
    """Return the id, lower case, or raise ValueError when it cannot be the id of a run."""
    if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-fA-F]{32}", run_id.strip()):
        raise no_run(run_id, "An id has 32 characters from 0-9 and a-f; check the link.")
    return run_id.strip().lower()


def no_run(run_id: Any, advice: str = "") -> ValueError:
    """Return the error for an id that no run has, with what to do about it."""
    advice = advice or "It may have been deleted; open one from the list of runs."
    shown = str(run_id)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return ValueError(f'No run has the id "{shown}". {advice}')


def now() -> datetime:
    """Return the present moment in UTC, as all times here are."""
    return datetime.now(UTC)
