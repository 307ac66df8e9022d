"""Steps of the job service: what one of them meets is logged, and the others go on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class Steps:
    """Takes steps, until the service is closed.

    closing : set when that begins; whoever waits for something looks at it.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()

    def guarded(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """Do it; what goes wrong is logged."""
        try:
            action(*arguments, **named)
        except Exception:
            # During shutdown Dask's connections close under whoever still uses them.
            level = logging.DEBUG if self.closing.is_set() else logging.ERROR
            logger.log(level, "A step of the job service failed.", exc_info=True)

    def in_background(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do it in a thread of its own: what it asks may take long to answer."""
        threading.Thread(target=self.guarded, args=(action, *arguments), daemon=True).start()
