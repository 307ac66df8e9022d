"""Names of web processes, and whether the one behind a name is gone."""

from __future__ import annotations

import os
import socket
import uuid

# Services of this process that are open: a test, or a notebook, may have several.
open_services: set[str] = set()


def name(scheduler: str) -> str:
    """Host, process, its birth (ids are used again), a token, and the scheduler if it is shared."""
    import psutil

    born = psutil.Process().create_time()
    token = uuid.uuid4().hex[:8]
    return f"{socket.gethostname()}|{os.getpid()}|{born:.2f}|{token}|{scheduler}"


def scheduler_of(server: str) -> str:
    """Return the address of the shared scheduler that a web process used, or ""."""
    return server.rsplit("|", 1)[1]


def cluster_of(server: str) -> str:
    """Return the name of a web process's workers: the shared scheduler's, or its own."""
    return scheduler_of(server) or server


def is_dead(server: str, silent: bool) -> bool:
    """Whether this web process is gone; of one on another machine, only its silence tells."""
    import psutil

    host, pid, born, _, _ = server.split("|")
    if host != socket.gethostname():
        return silent
    if int(pid) == os.getpid():
        return server not in open_services
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:  # it ended, and whoever started it looks away
            return True
        # The birth is computed from the machine's clock: one that was set moves it for everybody,
        # so a process of this id and of another birth is dead only when it is silent too.
        moved = abs(process.create_time() - float(born)) > 1.0
    except psutil.NoSuchProcess:
        return True
    return moved
