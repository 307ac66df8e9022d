"""Whether what a service stands on answers, asked so that what hangs holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

_PATIENCE = 3.0  # seconds for an answer; health checks of containers wait five
_FRESH = 1.0  # seconds for which an answer holds, however often somebody asks


class Health:
    """Asks after each part of a service.

    Parameters
    ----------
    parts : by name, what returns when the part answers and raises when it does not.
    """

    def __init__(
        self, parts: Mapping[str, Callable[[], object]], patience: float = _PATIENCE
    ) -> None:
        self._probes = {name: _Probe(ask) for name, ask in parts.items()}
        self._patience = patience

    def away(self) -> dict[str, str]:
        """Return what does not answer, and why, each in a line; {} when all is well."""
        deadline = time.monotonic() + self._patience
        for probe in self._probes.values():
            probe.start()
        answers = {name: probe.wait(deadline) for name, probe in self._probes.items()}
        return {name: reason for name, reason in answers.items() if reason}


class _Probe:
    """One part. It is asked by one thread at a time: a part that hangs would gather them."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._asking_since: float | None = None
        self._answered_at = float("-inf")  # when the last answer came
        self._reason = ""

    def start(self) -> None:
        with self._lock:
            if self._asking_since is not None or time.monotonic() - self._answered_at < _FRESH:
                return
            self._asking_since = time.monotonic()
            self._answered.clear()
        threading.Thread(target=self._run, name="gmm-health", daemon=True).start()

    def wait(self, deadline: float) -> str:
        if not self._answered.wait(max(0.0, deadline - time.monotonic())):
            with self._lock:
                if self._asking_since is not None:
                    return f"It has not answered for {time.monotonic() - self._asking_since:.0f} s."
        return self._reason

    def _run(self) -> None:
        try:
            self._ask()
            reason = ""
        except Exception as error:
            # Of an error of the database, its own words without the statement.
            words = str(getattr(error, "orig", None) or error).strip().splitlines()
            reason = words[0] if words else type(error).__name__
        with self._lock:
            self._reason, self._asking_since, self._answered_at = reason, None, time.monotonic()
            self._answered.set()
