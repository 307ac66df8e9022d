"""What every test needs, and how tests are shared among the processes that run them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres import Server
from xdist.scheduler import LoadScopeScheduling

# One thread each, as in the app's workers: processes that run side by side then leave each other
# their core, and sums are added up in one order on every machine.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# Folders whose tests share a server and workers, the longest first, and how many processes, each
# with a server of its own, work on one. They mostly wait, so the other processes get on with the
# numbers meanwhile.
_SERVED = {"tests/browser": 2, "tests/views": 1}


class ByFile(LoadScopeScheduling):
    """Gives each process whole files to run, and those of a folder with a server to few of them."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        served = {
            worker: {_folder(file) for file in done} for worker, done in self.assigned_work.items()
        }

        def welcome(file: str) -> bool:
            """Whether this process has the folder's server, or may start one."""
            folder = _folder(file)
            if folder in served.get(node, ()):
                return True
            others = sum(folder in folders for folders in served.values())
            return others < _SERVED.get(folder, len(served) + 1)

        # Where only folders are left that others work on, one of them gets another server.
        first = next(iter(self.workqueue))
        file = next((file for file in self.workqueue if welcome(file)), first)
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFile(config, log)


# Tests in which a browser, a server and workers wait for each other on a machine that other tests
# load: what came too late is tried again, and the report counts it.
_WAITING = ("tests/browser/", "tests/views/", "tests/jobs/", "tests/serving/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, or one process would be left with it at the end."""
    for item in items:
        if item.nodeid.startswith(_WAITING):
            item.add_marker(pytest.mark.flaky(reruns=2))
    ranks = {f"{folder}/": rank for rank, folder in enumerate(_SERVED)}
    items.sort(key=lambda item: next((r for f, r in ranks.items() if item.nodeid.startswith(f)), 9))


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


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a test's own SQLite file is."""
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind: whatever holds for one holds for the other."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("postgres").new_database())
