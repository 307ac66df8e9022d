"""Tells what happens to runs: to the log and to the metrics, each event by one process."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.store import Event, Store

logger = logging.getLogger(__name__)


class Teller:
    """Takes events out of the store and tells them.

    Parameters
    ----------
    tell : called with each event that this process gets.
    """

    def __init__(self, store: Store, tell: Callable[[Event], object]) -> None:
        self._store = store
        self._tell = tell
        # Whether something may have happened: a process that died may have left something untold.
        self._news = True

    def expect(self) -> None:
        """Say that something has happened, or may have."""
        self._news = True

    def tell(self, anyway: bool = False) -> None:
        """Tell what has happened.

        Parameters
        ----------
        anyway : look even when nothing is known to have happened.

        Raises
        ------
        SQLAlchemyError
            When the database is away; it is told the next time.
        """
        if not self._news and not anyway:
            return
        self._news = False
        try:
            while events := self._store.take_events():
                for event in events:
                    self._tell_one(event)
        except SQLAlchemyError:
            self._news = True
            raise

    def _tell_one(self, event: Event) -> None:
        try:
            self._tell(event)
        except Exception:
            logger.exception("Run %s %s, but that could not be told.", event.run_id, event.event)
