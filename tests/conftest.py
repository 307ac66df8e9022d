"""What every test needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from postgres import Server


@pytest.fixture(autouse=True)
def _own_main_module() -> Iterator[None]:
    """Give the main module back after each test.

    AppTest leaves its script as "__main__", and the workers of a local cluster, which are
    spawned, would run that script again and die of it.
    """
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this session; `postgres.new_database()` is an empty database's URL."""
    with Server() as server:
        yield server
