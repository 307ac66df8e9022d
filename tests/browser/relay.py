"""A way between browser and server that can be cut, as a network is lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Relay:
    """Passes connections on to a port of this machine while it is not cut.

    `sent` counts the bytes that came back from there, as they go over the wire.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._open: set[socket.socket] = set()
        self._cut = False
        self.sent = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [self._start(self._accept)]

    def cut(self) -> None:
        """End all connections, and any new one at once."""
        with self._lock:
            self._cut = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._cut = False

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _count(self, n: int) -> None:
        with self._lock:
            self.sent += n

    def _start(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                near, _ = self._listener.accept()
                self._threads.append(self._start(self._connect, near))

    def _connect(self, near: socket.socket) -> None:
        with near:
            with self._lock:
                if self._cut:
                    return
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {near, far}
            with far:
                back = self._start(_pass, far, near, self._count)
                _pass(near, far)
                back.join()
                with self._lock:
                    self._open -= {near, far}


def _pass(
    source: socket.socket, sink: socket.socket, count: Callable[[int], None] = lambda n: None
) -> None:
    """Copy what comes until it ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
            count(len(data))
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
