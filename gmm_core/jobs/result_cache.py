"""Results that stay unpacked, since pages ask for them again and again."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from gmm_core.store import RunState, Store

UNREADABLE = (
    "The stored result of this run cannot be read: it was damaged, or a newer version of this "
    "program wrote it. Run it again."
)

logger = logging.getLogger(__name__)

# Of some fifteen usual ones. To read one again takes milliseconds.
_BYTES = 12 * 2**20

Key = tuple[str, str | None]  # a run's id and its attempt


class ResultCache:
    """The results that were asked for last, up to a number of bytes; threads may share it.

    The last one stays, however large: a page asks for it again and again.
    """

    def __init__(self) -> None:
        self._results: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, store: Store, run: RunState) -> Any:
        """Return the result of a run that has ended, or None when there is none to be read."""
        key = (run.id, run.attempt)
        if (cached := self.get(key)) is not None:
            return cached
        try:
            result = store.result(run.id)
        except SQLAlchemyError:
            raise
        except ValueError as error:
            logger.error("The result of run %s cannot be read: %s", run.id, error)
            store.give_up(run.id, run.attempt, UNREADABLE)
            return None
        if result is not None:
            self.keep(key, result)
        return result

    def get(self, key: Key) -> Any:
        """Return the result of an attempt, or None where it is not kept."""
        with self._lock:
            if key not in self._results:
                return None
            self._results.move_to_end(key)
            return self._results[key][0]

    def keep(self, key: Key, result: Any) -> None:
        """Keep a result, and let go of those that nobody asked for the longest."""
        size = _size(result)
        with self._lock:
            self._results[key] = (result, size)
            total = sum(size for _, size in self._results.values())
            while total > _BYTES and len(self._results) > 1:
                total -= self._results.popitem(last=False)[1][1]

    def forget(self, run_id: str) -> None:
        """Let go of all results of a run."""
        with self._lock:
            for key in [key for key in self._results if key[0] == run_id]:
                del self._results[key]

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._results.clear()


def _size(value: Any) -> int:
    """Bytes of the arrays inside a result."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    if is_dataclass(value):
        return sum(_size(getattr(value, f.name)) for f in fields(value))
    return 64
