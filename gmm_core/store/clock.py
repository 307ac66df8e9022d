"""Whether the machine's clock can be trusted with what is deleted by it."""

import logging
import time

logger = logging.getLogger(__name__)

_JUMP = 86_400.0  # seconds: daylight saving and a slow clock that is set right stay far below
# The time since the machine started, with the hours it slept where it can be asked (Linux).
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """Compares the clock with the time that has passed since this process began."""

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(_STEADY)
        self._warned = False

    def steady(self) -> bool:
        """Whether nobody has set the clock by more than a day; the first time it says so."""
        jump = time.time() - time.clock_gettime(_STEADY) - self._offset
        if abs(jump) <= _JUMP:
            self._warned = False
            return True
        if not self._warned:
            self._warned = True
            logger.warning(
                "The clock was set by %+.1f days. No run expires until it is right again, or until "
                "a restart, which takes it as it is.",
                jump / 86_400,
            )
        return False
