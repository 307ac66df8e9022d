"""Whether a scheduler answers: Dask's client waits for ever for one that only accepts.

`python -m gmm_core.jobs.greet tcp://host:8786` is a health check; with `--or-end-all` it ends every
other process of its container where there is no answer, so that the container is started again.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress

_TRIES, _SECONDS = 3, 10.0


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
        raise OSError(f"it accepts connections but has said nothing for {seconds:g} s") from None


async def _ask(scheduler: str) -> None:
    from distributed import Security
    from distributed.core import rpc

    connection = Security().get_connection_args("client")
    async with rpc(scheduler, connection_args=connection) as answering:
        await answering.identity(n_workers=0)


def _end_all() -> None:
    """End all processes but this one and the first, which sees to it that their container ends."""
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in (1, os.getpid()):
            with suppress(OSError):
                os.kill(int(name), signal.SIGKILL)


def main(scheduler: str, *options: str) -> None:
    """Ask some times; exit with 1, and a sentence, where there is no answer."""
    for left in reversed(range(_TRIES)):
        try:
            ask(scheduler)
        except OSError as error:
            if not left:
                if "--or-end-all" in options:
                    _end_all()
                sys.exit(f"{scheduler} does not answer: {error}")
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
