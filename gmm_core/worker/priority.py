"""A thread of its own for a part, so that a long one can let others go first."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

_NICE = 10

T = TypeVar("T")


def in_a_thread(action: Callable[[], T]) -> T:
    """Do it in a thread of its own, which may be given a lower priority, but not its old one again.

    A daemon, as the threads of Dask's workers are: a worker that is to end waits for none.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="gmm-part", daemon=True).start()
    return future.result()


def give_way() -> None:
    """Lower the priority of the thread that calls; only Linux has one for each thread."""
    if sys.platform == "linux":
        with suppress(OSError):  # what runs it may forbid it
            thread = threading.get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, nice + _NICE)
