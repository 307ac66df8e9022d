"""The real app, served for a measurement, and what its processes take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import psutil
import pytest
import sqlalchemy as sa
from browser.conftest import ROOT, Server, start_server

from gmm_core.store import schema

MEGABYTE = 2**20


class Usage(NamedTuple):
    """What the server takes: resident memory in MB, and threads of the web process."""

    web: float
    children: float
    threads: int


@dataclass
class Served:
    """A running app."""

    server: Server
    folder: Path

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.url

    def usage(self) -> Usage:
        """Look at the processes now."""
        web = psutil.Process(self.server.process.pid)
        children = 0
        for child in web.children(recursive=True):
            try:
                children += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return Usage(web.memory_info().rss / MEGABYTE, children / MEGABYTE, web.num_threads())

    def sessions(self) -> int:
        """Count the sessions that are connected."""
        with urlopen(f"{self.url}/_stcore/metrics", timeout=10) as answer:
            match = re.search(r"^active_sessions\S* (\d+)", answer.read().decode(), re.MULTILINE)
        assert match is not None
        return int(match[1])

    def complaints(self) -> list[str]:
        """Return the lines of the log that tell of an error."""
        lines = self.server.log.read_text(errors="replace").splitlines()
        return [line for line in lines if re.search(r"Traceback|ERROR|CRITICAL", line)]

    def runs(self) -> list[tuple[str, str, float | None]]:
        """Return of each run of the crowd its kind, how it ended, and how long it waited.

        The crowd asks from this machine's usual address, which is not kept as a place.
        """
        runs, asked = schema.runs.c, schema.run_owners.c
        engine = sa.create_engine(f"sqlite:///{self.folder / 'runs.sqlite'}")
        with engine.connect() as connection:
            rows = connection.execute(
                sa.select(runs.kind, runs.state, runs.created, runs.started).where(
                    sa.exists().where(asked.run_id == runs.id, asked.place == "")
                )
            ).all()
        engine.dispose()
        return [
            (kind, state, None if began is None else (began - submitted).total_seconds())
            for kind, state, submitted, began in rows
        ]


@contextmanager
def serving(
    folder: Path, script: Path = ROOT / "app.py", settings: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Serve the app with a database of its own, and these variables in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (settings or {}).items():
            patch.setenv(name, value)
        server = start_server(script, folder)
    try:
        yield Served(server, folder)
    finally:
        server.stop()
