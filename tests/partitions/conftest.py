"""Workers of this machine, in its own process, for data that stays with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster


def workers(n: int, **more: Any) -> LocalCluster:
    """Start `n` workers of one thread each; `more` are further options of the cluster."""
    return LocalCluster(
        n_workers=n, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=False, **more
    )


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers, which nobody finds who is not given them."""
    with workers(2) as cluster, Client(cluster, set_as_default=False) as client:
        yield client
