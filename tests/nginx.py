"""nginx with deploy/nginx.conf, in which only addresses and folders are replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from processes import free_port, until

CONF = Path(__file__).parents[1] / "deploy" / "nginx.conf"


@dataclass(frozen=True)
class Nginx:
    """Where nginx listens, and what it writes: one line per request, and what went wrong.

    health : where its own health check asks.
    """

    url: str
    health: str
    access: Path
    errors: Path

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it take connections and say nothing for the time of a block."""
        first = psutil.Process(int((self.access.parent / "nginx.pid").read_text()))
        every = [first, *first.children(recursive=True)]
        for process in every:
            process.suspend()
        try:
            yield
        finally:
            for process in every:
                process.resume()


@contextmanager
def running(
    folder: Path, web: Sequence[str], logged: str = "", patience: str = "60s"
) -> Iterator[Nginx]:
    """Run nginx in front of two web processes for the time of a block.

    Parameters
    ----------
    folder : for its files.
    web : where the web processes listen, such as ("127.0.0.1:8501", "127.0.0.1:8502").
    logged : what else the line of a request ends in.
    patience : how long it waits for an answer of a web process.
    """
    port, inner = free_port(), free_port()
    url, health = (f"http://127.0.0.1:{each}" for each in (port, inner))
    proxy = Nginx(url, health, folder / "access.log", folder / "error.log")
    conf = CONF.read_text()
    for before, after in {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "127.0.0.1:8081": f"127.0.0.1:{inner}",
        "proxy_read_timeout 60s": f"proxy_read_timeout {patience}",
        "web1:8501": web[0],
        "web2:8501": web[1],
        "/tmp/": f"{folder}/",
        "/dev/stdout": str(proxy.access),
        "$request_time $upstream_addr": f"$request_time $upstream_addr{logged}",
    }.items():
        assert before in conf
        conf = conf.replace(before, after)
    if os.getuid() == 0:  # its workers would be somebody else, who may not enter pytest's folder
        conf = f"user root;\n{conf}"
    (folder / "nginx.conf").write_text(conf)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "The tests need nginx, which `make servers` installs on Debian and Ubuntu."
    command = [program, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with proxy.errors.open("wb") as errors, subprocess.Popen(command, stderr=errors) as process:
        try:
            until((folder / "nginx.pid").exists, 30)
            yield proxy
        finally:
            process.terminate()
