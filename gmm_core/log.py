"""What a server tells its operators: one line for each event of a run, and for what goes wrong.

Lines name runs, kinds, times and outcomes, never data, names of columns or titles. Who asked for a
run is a hash: it tells two people apart, and is neither the address nor the cookie of either.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmm_core.store import Event

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_runs = logging.getLogger("gmm_core.runs")


def setup(level: str = "INFO", form: str = "text") -> None:
    """Log to standard error from here on, in this process.

    Repeating it changes the level and the form and doubles no line.

    Parameters
    ----------
    level : from which level on this program's own lines are written; others' from WARNING on, or
        as they decide themselves.
    form : "text" for people, "json" for one JSON object on each line.
    """
    formatter = _formatter(form)
    root = logging.getLogger()
    own_handler = next((h for h in root.handlers if getattr(h, "gmm", False)), None)
    if own_handler is None:
        own_handler = logging.StreamHandler()
        own_handler.gmm = True  # type: ignore[attr-defined]
        own_handler.addFilter(_is_worth_a_line)
        root.addHandler(own_handler)
        for without_end in ("asyncio", "tornado.application"):
            logging.getLogger(without_end).addFilter(_Seldom())
    own_handler.setFormatter(formatter)
    logging.getLogger("gmm_core").setLevel(level)
    logging.captureWarnings(True)
    if form == "json":
        # Dask, Streamlit and its server have handlers of their own.
        for logger in list(logging.root.manager.loggerDict.values()):
            for handler in getattr(logger, "handlers", ()):
                if getattr(handler, "stream", None) in (sys.stdout, sys.stderr):
                    handler.setFormatter(formatter)


def setup_from_environment() -> None:
    """Log as GMM_LOG_LEVEL and GMM_LOG_FORMAT say; as by default when they cannot be used."""
    from gmm_core import settings

    try:
        settings_read = settings.read()
    except ValueError:  # whoever starts the service says so
        setup()
    else:
        setup(settings_read.log_level, settings_read.log_format)


def person(owner: str) -> str:
    """Return the hash under which the log knows an owner; "" for nobody."""
    return hashlib.sha256(f"log {owner}".encode()).hexdigest()[:16] if owner else ""


def happened(event: Event) -> None:
    """Write the line of a run that was submitted, has started or has ended."""
    fields: dict[str, Any] = {
        "event": event.event,
        "run": event.run_id,
        "person": person(event.owner),
        "kind": event.kind,
        "engine": event.engine,
        "attempts": event.attempts,
        "at": event.moment.isoformat(),
    }
    if event.event != "submitted":
        fields["waited"] = _rounded(event.waited)
    if event.event == "ended":
        fields |= {"outcome": event.outcome, "seconds": _rounded(event.seconds)}
    facts = ", ".join(
        f"{name} {value}"
        for name, value in fields.items()
        if name not in ("event", "run", "at") and value not in (None, "")
    )
    _runs.info("Run %s %s: %s.", event.run_id, event.event, facts, extra=fields)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether it is this program's, or a warning: Dask tells of every connection."""
    return record.name.startswith("gmm_core") or record.levelno >= logging.WARNING


class _Seldom(logging.Filter):
    """Lets each message pass once in a while.

    A server that has no files left to open is told so by its loops thousands of times a second.
    """

    SECONDS = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether nothing that begins like this was told a short while ago."""
        begins, now = str(record.msg)[:40], time.monotonic()
        if now - self._last.get(begins, -self.SECONDS) < self.SECONDS:
            return False
        self._last[begins] = now
        return True


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _formatter(form: str) -> logging.Formatter:
    if form != "json":
        return logging.Formatter(_TEXT)
    from pythonjsonlogger.core import RESERVED_ATTRS
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        # uvicorn says each message a second time, in colours.
        reserved_attrs=[*RESERVED_ATTRS, "color_message"],
    )
