"""What stands beside the pages of a server: the service from the start, metrics and health.

Operators ask on a port of their own, which nobody else need reach. The pages' port tells only
whether all is well, and what is away.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from gmm_core import jobs, log, settings
from gmm_core.serving import memory
from gmm_core.serving.health import Health
from gmm_core.serving.metrics import Figures, Metrics

logger = logging.getLogger("gmm_core.serving")

_AGAIN = 2.0  # seconds until the service is tried again, when the database was away at the start
# Seconds after which a thread that computes lets another one on. What hands on requests and frames
# waits so long each time it has something to do; Python's own 0.005 suits programs that compute.
_SWITCH = 0.001
_TIDY = 20.0  # seconds until free memory is given back again


class Answer(NamedTuple):
    """What is answered to a request."""

    status: int
    content_type: str
    body: bytes


class Serving:
    """One server's service, with what operators ask about it.

    Parameters
    ----------
    sessions : counts the browser tabs that are connected.
    """

    def __init__(self, sessions: Callable[[], int] | None = None) -> None:
        self._sessions = sessions
        self._service: jobs.JobService | None = None
        self._health: Health | None = None
        self._metrics = Metrics(self._figures, sessions)
        self._problem = {"service": "It is starting."}
        self._ending = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        """The operators' port; 0 when there is none."""
        return 0 if self._server is None else self._server.server_address[1]

    def start(self) -> None:
        """Begin to log, to answer operators, and to start the service; returns at once.

        With the service its workers start, and each loads and compiles its engines: the first
        person who comes waits for neither.
        """
        sys.setswitchinterval(_SWITCH)
        memory.steady()
        log.setup_from_environment()
        try:
            settings_read = settings.read()
        except ValueError as error:
            # Every page says it too. The next start is with other settings, or the same.
            self._problem = {"service": str(error)}
            logger.error("%s", error)
            return
        jobs.listen(self._metrics.happened)
        if settings_read.metrics_port:
            self._listen(settings_read.metrics_address, settings_read.metrics_port)
        threading.Thread(target=self._keep, name="gmm-serving", daemon=True).start()

    def stop(self) -> None:
        """Stop the service for good, and answer no longer."""
        self._ending.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        jobs.close_service(for_good=True)

    def health(self, reasons: bool = False) -> Answer:
        """Answer whether all that a run needs is there: 200, or 503 with the names of what is not.

        Parameters
        ----------
        reasons : say why as well; they may name hosts and folders.
        """
        away = self._problem if self._health is None else self._health.away()
        answer: dict[str, object] = {"status": "away" if away else "ok"}
        if away:
            answer["away"] = away if reasons else sorted(away)
        return Answer(503 if away else 200, "application/json", json.dumps(answer).encode() + b"\n")

    def metrics(self, accept: str = "") -> Answer:
        """Answer with the figures; 503 while there is no service."""
        if self._service is None:
            text = "\n".join([*self._problem.values(), ""])
            return Answer(503, "text/plain; charset=utf-8", text.encode())
        body, content_type = self._metrics.render(accept)
        return Answer(200, content_type, body)

    def _figures(self) -> Figures:
        if self._service is None or self._health is None:
            return Figures()
        away = tuple(self._health.away())  # first: it counts the workers
        counts = self._service.counts()
        if "scheduler" in away:
            counts = counts._replace(workers=0)
        return Figures(*counts, away)

    def _keep(self) -> None:
        self._start_service()
        while not self._ending.wait(_TIDY):
            memory.give_back(thorough=self._sessions is None or not self._sessions())

    def _start_service(self) -> None:
        while not self._ending.is_set():
            try:
                service = jobs.service()
            except ValueError as error:
                part = "store" if isinstance(error.__cause__, SQLAlchemyError) else "service"
                if self._problem != {part: str(error)}:
                    logger.error("The service could not be started; trying again. %s", error)
                self._problem = {part: str(error)}
            else:
                self._health = Health(service.parts)
                self._service = service
                logger.info("The service has started.")
                return
            self._ending.wait(_AGAIN)

    def _listen(self, address: str, port: int) -> None:
        serving = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # who connects and says nothing holds a thread no longer

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    answer = serving.metrics(self.headers.get("Accept", ""))
                elif path == "/health":
                    answer = serving.health(reasons=True)
                else:
                    answer = Answer(404, "text/plain", b"Ask for /metrics or /health.\n")
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Write no line for each time that somebody asks."""

        try:
            self._server = ThreadingHTTPServer((address, port), Handler)
        except OSError as error:
            logger.error(
                "Metrics cannot be told on %s, port %d (%s). Set GMM_METRICS_ADDRESS and "
                "GMM_METRICS_PORT to what is free on this machine.",
                address,
                port,
                error,
            )
            return
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="gmm-metrics", daemon=True).start()
