"""Whether the workers can be reached at the moment, and since when they could not be."""

from __future__ import annotations

import logging

from gmm_core.jobs.workers import Workers

logger = logging.getLogger(__name__)


class Connection:
    """Connects to the workers again and again, and says what is wrong.

    Attributes
    ----------
    lost : whether it broke since it was made.
    refusals : how often it could not be made.
    """

    def __init__(self, workers: Workers) -> None:
        self.lost = False
        self.refusals = 0
        self._workers = workers
        self._refused = ""  # why the workers could not be reached

    @property
    def up(self) -> bool:
        """Whether the workers can be given something."""
        return self._workers.connected and not self.lost

    def make(self) -> bool:
        """Connect, and say whether that worked; the log has the reason, once."""
        where = self._workers.where
        try:
            self._workers.connect()
        except Exception as error:
            self.refusals += 1
            if self._refused != str(error):
                logger.warning("The workers on %s cannot be reached: %s", where, error)
            self._refused = str(error)
            return False
        if self._refused:
            logger.warning("The workers on %s are back.", where)
        self._refused = ""
        self.lost = False
        return True

    def note(self) -> str:
        """Say what holds all runs up, or nothing."""
        if self.lost or (self._refused and not self._workers.connected):
            return (
                f"The workers on {self._workers.where} cannot be reached at the moment. The run "
                "goes on when they are back."
            )
        if self._workers.connected and not self._workers.slots:
            return "No worker is there at the moment. The run starts when one is."
        return ""

    def ask(self) -> None:
        """Look whether the scheduler answers now.

        Raises
        ------
        OSError
            When it does not.
        """
        if not self._workers.connected:
            raise ConnectionError(self._refused or f"no connection to {self._workers.where} yet")
        self._workers.ask()
