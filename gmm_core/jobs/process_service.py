"""The one service of this process: pages, health and metrics share it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gmm_core.jobs.service import JobService
from gmm_core.store import Event

_service: JobService | None = None
_listener: Callable[[Event], None] | None = None
_stopping = False
_service_lock = threading.Lock()


def service() -> JobService:
    """Return the service of this process; the first call starts it, and it is closed at exit.

    Raises
    ------
    ValueError
        When it cannot be started, or this process is about to end.
    """
    global _service
    with _service_lock:
        if _stopping:
            raise ValueError("The server is stopping. Load the page again in a minute.")
        if _service is None:
            _service = JobService(tell=_listener)
        return _service


def listen(listener: Callable[[Event], None]) -> None:
    """Have every event of this process's service told to `listener`; call it before `service`."""
    global _listener
    _listener = listener


def close_service(for_good: bool = False) -> None:
    """Close the service of this process.

    Parameters
    ----------
    for_good : the process is about to end; else the next call of `service` starts a new one.
    """
    global _service, _stopping
    with _service_lock:
        _stopping = for_good
        if _service is not None:
            _service.close()
            _service = None
