"""What tests of real processes share: a free port, waiting, and a Dask cluster of one worker."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until(condition, timeout=120.0):
    """Wait for a condition; its value when it holds. Cold workers load their engines first."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
    return value


def pid_of(jobs, address):
    """The process of a worker, found by the port on which it listens."""
    port = int(address.rsplit(":", 1)[1])
    for process in psutil.Process().children(recursive=True):
        if any(c.status == "LISTEN" and c.laddr.port == port for c in process.net_connections()):
            return process.pid
    raise AssertionError(f"no process listens on {address}")


class Cluster:
    """A Dask scheduler with one worker, as processes of their own, as on other machines."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes = []

    def start(self):
        """Start both, as whatever keeps them running would."""
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        for arguments in (
            ["scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"],
            ["worker", self.address, "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard"],
        ):
            with (self.folder / f"{arguments[0]}.log").open("ab") as log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "dask", *arguments],
                        cwd=self.folder,
                        env=environment,
                        stdout=log,
                        stderr=log,
                    )
                )

    def kill(self):
        """End both without a word, with all that they started."""
        for process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()
        self.processes = []
