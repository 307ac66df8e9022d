"""Keeps the memory of a long-lived process near what it uses.

The C library's allocator keeps an arena for each thread, and fills freed room in them with small
things until none of it can be given back. A server draws pages in many short-lived threads and
frees arrays of megabytes all the time: with the settings below it stays as large as what it holds.
Elsewhere than with glibc nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache

# Of <malloc.h>.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE = 256 * 2**10  # bytes from which a block is mapped by itself, and unmapped when it is freed
_ARENAS = 2


def steady() -> bool:
    """Choose the settings; return whether there is an allocator that knows them."""
    libc = _glibc()
    if libc is None:
        return False
    chosen = [libc.mallopt(_M_MMAP_THRESHOLD, _LARGE), libc.mallopt(_M_ARENA_MAX, _ARENAS)]
    return all(chosen)


def give_back(thorough: bool = False) -> bool:
    """Give free memory back to the machine; return whether there was any.

    Parameters
    ----------
    thorough : free what only refers to itself before that. It stops every thread for some tenth of
        a second, so not while somebody waits for a page.
    """
    if thorough:
        gc.collect()
    libc = _glibc()
    return libc is not None and bool(libc.malloc_trim(0))


@cache
def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
