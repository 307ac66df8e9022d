"""Whether a process answers: Dask's client waits for ever for a scheduler that only accepts.

`python -m gmm_core.jobs.greet ADDRESS` is a health check of a scheduler, `tcp://host:8786`, or of a
web process, `http://host:8501/health`. With `--or-end-all` it ends every other process of its
container where what listens says nothing, so that the container is started again. One that says
that it is unwell, such as a web process whose database is away, may go on.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from urllib.request import urlopen

_TRIES, _SECONDS = 3, 10.0


class SilentError(OSError):
    """Something listens there and says nothing."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it accepts connections but has said nothing for {seconds:g} s")


def ask(scheduler: str, seconds: float = _SECONDS) -> None:
    """Ask a scheduler who it is.

    Raises
    ------
    OSError
        When it does not answer.
    """
    try:
        asyncio.run(asyncio.wait_for(_ask(scheduler), seconds))
    except TimeoutError:
        raise SilentError(seconds) from None


async def _ask(scheduler: str) -> None:
    from distributed import Security
    from distributed.core import rpc

    connection = Security().get_connection_args("client")
    async with rpc(scheduler, connection_args=connection) as answering:
        await answering.identity(n_workers=0)


def ask_web(address: str, seconds: float = _SECONDS) -> None:
    """Ask a web process how it is.

    Raises
    ------
    OSError
        When it does not answer, or is unwell.
    """
    try:
        urlopen(address, timeout=seconds).close()
    except OSError as error:
        # urllib hides what came before the answer, and not what came while it was read.
        if isinstance(getattr(error, "reason", error), TimeoutError):
            raise SilentError(seconds) from None
        raise


_ASK = {"tcp": ask, "tls": ask, "http": ask_web}


def _end_all() -> None:
    """End all processes but this one and the first, which sees to it that their container ends."""
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (1, os.getpid()):
            with suppress(OSError):
                os.kill(int(name), signal.SIGKILL)


def main(address: str, *options: str) -> None:
    """Ask some times; exit with 1, and a sentence, where there is no answer."""
    for left in reversed(range(_TRIES)):
        try:
            _ASK[address.split("://", 1)[0]](address, _SECONDS)
        except OSError as error:
            if left:
                continue
            if isinstance(error, SilentError) and "--or-end-all" in options:
                _end_all()
            sys.exit(f"{address} does not answer: {error}")
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
