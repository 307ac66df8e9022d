"""What was read from people's files, kept within one budget for all of them, the newest longest.

A session outlives its person's visit, and what it holds with it: so it holds a name, and what is
behind that may go.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from typing import Any

from gmm_core.data.table import Reading

_BYTES = 200 * 2**20
_values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
_lock = threading.Lock()


def keep(value: Any, size: int) -> str:
    """Keep something of so many bytes; return the name that it is asked for by."""
    name = uuid.uuid4().hex
    with _lock:
        _values[name] = value, size
        while sum(bytes_ for _, bytes_ in _values.values()) > _BYTES and len(_values) > 1:
            _values.popitem(last=False)
    return name


def get(name: str) -> Any:
    """Return what is kept under a name; None when it had to go."""
    with _lock:
        if name not in _values:
            return None
        _values.move_to_end(name)
        return _values[name][0]


def drop(name: str) -> None:
    """Keep it no longer."""
    with _lock:
        _values.pop(name, None)


def size(reading: Reading) -> int:
    """Bytes that a reading takes; of text about what its characters do."""
    texts = sum(len(cell) + 16 for cells in reading.texts.values() for cell in cells)
    return int(reading.values.nbytes) + texts
