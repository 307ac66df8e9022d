"""A part that sends work to other workers: for data that stays with them."""

from __future__ import annotations


def let_others_work() -> None:
    """Give the thread of this task back to its worker, and open a way to all workers.

    The part waits for what others compute, and one of them may be this very worker: with its one
    thread kept, none would ever begin. Whoever asks Dask for the client in use then finds one.
    """
    from distributed import get_client, secede

    get_client()
    secede()
