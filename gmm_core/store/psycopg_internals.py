"""PostgreSQL connections that give up on a server which takes what is sent and says nothing.

Limits of PostgreSQL itself, such as `statement_timeout`, are kept by the server, and one that hangs
keeps none; its machine answers for it, so TCP sees nothing wrong either. psycopg would wait for
ever. It goes through every wait in `Connection.wait`, which is not meant to be replaced: here such
a wait ends when nothing has come or gone for some seconds, and the server does not answer a
newcomer either. One that does is busy with what it was asked.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

from gmm_core.store.answering import answers


def connection_class(silence: float) -> type[psycopg.Connection[Any]]:
    """Return a class of connections that wait for a silent server so many seconds at most."""

    class Connection(psycopg.Connection[Any]):
        def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
            return super().wait(self._heard(gen), *arguments, **named)

        def _heard(self, gen: Generator[Any, int, Any]) -> Generator[Any, int, Any]:
            """Pass on what `gen` waits for, and what was ready: nothing, a few times a second."""
            heard, half = time.monotonic(), silence / 2  # to wait, and to ask
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if ready:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > half:
                        if not answers(*self._where(), half):
                            self.pgconn.finish()
                            raise psycopg.OperationalError(
                                f"the server has said nothing for {silence:g} s"
                            )
                        heard = time.monotonic()
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

        def _where(self) -> tuple[str, int]:
            """Return the server's own address, whichever name led there, and its port."""
            return self.info.hostaddr or self.info.host, self.info.port

    return Connection
