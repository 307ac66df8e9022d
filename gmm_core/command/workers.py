"""The workers that read data in partitions: those of GMM_SCHEDULER, or of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gmm_core import settings


@contextmanager
def at_work(partitioned: bool) -> Iterator[None]:
    """Have workers for as long as this lasts, where data is partitioned.

    Raises
    ------
    ValueError
        When the scheduler of GMM_SCHEDULER does not answer.
    """
    if not partitioned:
        yield
        return
    from distributed import Client

    from gmm_core.partitions.held import connected

    address = settings.read().scheduler
    with ExitStack() as stack:
        client = None
        if address:
            try:
                client = stack.enter_context(Client(address, set_as_default=False, timeout=10))
            except OSError as error:
                raise ValueError(
                    f"The Dask scheduler {address} does not answer (GMM_SCHEDULER). Start it, or "
                    "unset GMM_SCHEDULER for workers of this machine."
                ) from error
        workers = stack.enter_context(connected(client))
        stack.enter_context(workers.as_current())
        yield
