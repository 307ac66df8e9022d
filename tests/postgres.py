"""A real PostgreSQL server for the tests: Debian's programs, an own folder, loopback only.

The server refuses to run as root, so a root gives it to the unprivileged user that Debian's package
made for it, or else to "nobody".
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil
import psycopg
from processes import free_port

MISSING = (
    "The tests need PostgreSQL's server programs (initdb and pg_ctl), which were not found. "
    "On Debian and Ubuntu `make servers` installs them (sudo apt-get install postgresql); "
    "elsewhere install PostgreSQL 13 or newer and put its bin folder on PATH."
)


def programs() -> Path:
    """Folder of initdb and pg_ctl.

    Raises
    ------
    RuntimeError
        When PostgreSQL is not installed; it says what to install.
    """
    # Debian keeps them off PATH, one folder for each version.
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    for folder in [*debian, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise RuntimeError(MISSING)


class Server:
    """One server on a free port; stopped and removed at the end of its `with`."""

    def __init__(self) -> None:
        self.programs = programs()
        # Not pytest's folder: only its owner may enter that, and the server is somebody else.
        self.folder = Path(tempfile.mkdtemp(prefix="gmm-postgres-"))
        self.user = self._user()
        self.port = free_port()
        if self.user is not None:
            shutil.chown(self.folder, self.user, pwd.getpwnam(self.user).pw_gid)
        self._run(
            "initdb", "--username=tests", "--auth=trust", "--encoding=UTF8", "--no-locale",
            "--no-sync", "--pgdata", str(self.folder / "data"),
        )  # fmt: skip

    @staticmethod
    def _user() -> str | None:
        if os.geteuid() != 0:
            return None
        users = {entry.pw_name for entry in pwd.getpwall()}
        return "postgres" if "postgres" in users else "nobody"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            user=self.user,
            group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
            extra_groups=None if self.user is None else [],
            stdin=subprocess.DEVNULL,
            # The server inherits these: a pipe would never end.
            stdout=(log := (self.folder / f"{program}.log").open("w")),
            stderr=subprocess.STDOUT,
        )
        log.close()
        if done.returncode:
            output = (self.folder / f"{program}.log").read_text()
            raise RuntimeError(f"{program} ended with {done.returncode}: {output}")

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        options = (
            f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories='' -c fsync=off "
            "-c synchronous_commit=off -c full_page_writes=off"
        )
        self._run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as a restart does: connections are closed under whoever uses them."""
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self.folder / "data"))

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let the server take connections and say nothing for the time of a block."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        every = [psutil.Process(first), *psutil.Process(first).children(recursive=True)]
        for process in every:
            process.suspend()
        try:
            yield
        finally:
            for process in every:
                process.resume()

    def new_database(self) -> str:
        """Make an empty database; return its SQLAlchemy URL."""
        name = f"t{uuid.uuid4().hex}"
        where = f"host=127.0.0.1 port={self.port} user=tests dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/{name}"

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        # Its input ends when this process does, however it ends: no server is left behind.
        self.guard = subprocess.Popen(
            ["sh", "-c", 'cat; "$0" stop -m immediate -D "$1/data"; rm -rf "$1"',
             str(self.programs / "pg_ctl"), str(self.folder)],
            cwd="/",
            user=self.user,
            group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
            extra_groups=None if self.user is None else [],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and remove its folder."""
        self.guard.communicate()
