"""A real server, asked by an operator: its figures add up, and its health is what it is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from distributed import Client
from processes import Cluster, free_port, until
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect

from gmm_core import worker
from gmm_core.runs import kinds
from gmm_core.serving import metrics
from gmm_core.serving.server import Serving
from gmm_core.store import Store

ROOT = Path(__file__).parents[2]
KINDS = [kind.name for kind in kinds.every()]


def get(url, **headers):
    """Status and text of an answer; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=30
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Site:
    """A dashboard as it is deployed: one web process, a scheduler with a worker, PostgreSQL."""

    def __init__(self, folder, database):
        self.database = database
        self.cluster = Cluster(folder)
        self.port, self.metrics_port = free_port(), free_port()
        self.pages = f"http://127.0.0.1:{self.port}"
        self.operators = f"http://127.0.0.1:{self.metrics_port}"
        self.log = folder / "web.log"

    def start(self):
        self.cluster.start()
        settings = {
            "GMM_DATABASE": self.database,
            "GMM_SCHEDULER": self.cluster.address,
            "GMM_METRICS_PORT": str(self.metrics_port),
            "GMM_LOG_FORMAT": "json",
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(self.port)],
                cwd=ROOT,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        until(lambda: self.health() == (200, {"status": "ok"}))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.cluster.kill()

    def health(self, url=""):
        status, text = get(f"{url or self.operators}/health")
        return status, json.loads(text) if text else None

    def figures(self):
        """What an independent reader finds: (name, labels in order) -> value."""
        status, text = get(f"{self.operators}/metrics")
        assert status == 200
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory, postgres):
    site = Site(tmp_path_factory.mktemp("site"), postgres.new_database())
    site.start()
    yield site
    site.stop()


def test_before_anybody_has_come_all_is_there_and_the_engines_are_loaded(site):
    assert site.health(site.pages) == (200, {"status": "ok"})
    figures = site.figures()
    assert figures["gmm_workers",] == 1
    assert figures["gmm_store_up",] == figures["gmm_scheduler_up",] == 1
    assert figures["gmm_sessions",] == 0
    with Client(site.cluster.address, set_as_default=False) as client:
        assert until(lambda: all(client.run(worker.is_warm).values()))


def test_the_figures_add_up_after_a_visit(site):
    before = site.figures()
    assert all(before["gmm_runs_submitted_total", kind] == 0 for kind in KINDS)
    with connect(
        f"ws://127.0.0.1:{site.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None
    ) as visit:
        visit.send(BackMsg(rerun_script={"page_name": "fit"}).SerializeToString())

        def ended():
            while True:  # a browser reads what it is sent
                try:
                    visit.recv(timeout=0.01)
                except TimeoutError:
                    break
            return (figures := site.figures())["gmm_runs_finished_total", "done", "map"] and figures

        after = until(ended)
        assert after["gmm_sessions",] == 1
    assert until(lambda: site.figures()["gmm_sessions",] == 0)

    submitted = sum(after["gmm_runs_submitted_total", kind] for kind in KINDS)
    finished = sum(
        after["gmm_runs_finished_total", *sorted((kind, outcome))]
        for kind in KINDS
        for outcome in metrics.OUTCOMES
    )
    assert submitted == finished == 1
    assert after["gmm_runs_queued",] == after["gmm_runs_running",] == 0
    with Store(site.database) as store:
        (run,) = store.runs()
    waited = (run.started - run.created).total_seconds()
    for name, seconds in (("gmm_run_seconds", run.seconds), ("gmm_run_wait_seconds", waited)):
        assert after[f"{name}_count", "map"] == 1
        assert after[f"{name}_sum", "map"] == pytest.approx(seconds, abs=1e-6)
        for bound in (0.1, 1.0, 10.0, 3600.0):
            assert after[f"{name}_bucket", *sorted((str(bound), "map"))] == (seconds <= bound)
    lines = [json.loads(x) for x in site.log.read_text().splitlines() if x.startswith("{")]
    (event,) = [line for line in lines if line.get("event") == "ended"]
    assert (event["run"], event["outcome"]) == (run.id, "done")
    assert event["person"]


def test_start_warns_of_nothing(site):
    assert "ScriptRunContext" not in site.log.read_text()


def test_figures_come_in_the_format_that_is_asked_for(site):
    accept = "application/openmetrics-text; version=1.0.0"
    status, text = get(f"{site.operators}/metrics", Accept=accept)
    assert status == 200
    names = {family.name for family in openmetrics.text_string_to_metric_families(text)}
    assert {"gmm_runs_finished", "gmm_run_seconds", "process_resident_memory_bytes"} <= names


def test_the_pages_port_tells_no_figures_and_the_operators_port_nothing_else(site):
    _, text = get(f"{site.pages}/metrics")
    assert "gmm_runs" not in text
    assert get(f"{site.operators}/") == (404, "Ask for /metrics or /health.\n")


def test_health_fails_while_the_store_is_away_and_comes_back(site, postgres):
    errors = site.figures()["gmm_store_errors_total",]
    postgres.stop()
    try:
        status, body = until(lambda: (answer := site.health())[0] != 200 and answer)
        assert status == 503
        assert list(body["away"]) == ["store"]
        assert "refused" in body["away"]["store"]
        # The pages' port names no host.
        assert site.health(site.pages) == (503, {"status": "away", "away": ["store"]})
        answer = until(lambda: (f := site.figures())["gmm_store_errors_total",] > errors and f)
        assert (answer["gmm_store_up",], answer["gmm_scheduler_up",]) == (0, 1)
    finally:
        postgres.start()
    assert until(lambda: site.health() == (200, {"status": "ok"}))
    assert site.figures()["gmm_store_up",] == 1


def test_health_fails_while_the_scheduler_is_away_and_comes_back(site):
    site.cluster.kill()
    status, body = until(lambda: (answer := site.health())[0] != 200 and answer)
    assert status == 503
    assert list(body["away"]) == ["scheduler"]
    assert site.cluster.address in body["away"]["scheduler"]
    answer = until(lambda: (f := site.figures())["gmm_scheduler_errors_total",] and f)
    assert (answer["gmm_scheduler_up",], answer["gmm_workers",]) == (0, 0)
    site.cluster.start()
    assert until(lambda: site.health() == (200, {"status": "ok"}))
    assert until(lambda: site.figures()["gmm_workers",] == 1)


def test_a_setting_that_cannot_be_used_is_what_the_health_check_says():
    script = (
        "from gmm_core.serving.server import Serving\n"
        "serving = Serving()\n"
        "serving.start()\n"
        "print(serving.health(reasons=True).body.decode(), serving.metrics().status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"GMM_QUEUE_RUNS": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        "Did you mean GMM_QUEUED_RUNS?"
        in json.loads(done.stdout.splitlines()[0])["away"]["service"]
    )
    assert done.stdout.endswith("503\n")
    assert "ERROR gmm_core.serving: GMM_QUEUE_RUNS is set" in done.stderr


def test_a_server_that_starts_before_its_database_is_well_when_it_is_there(site, postgres):
    script = (
        "import sys\n"
        "from gmm_core.serving.server import Serving\n"
        "serving = Serving()\n"
        "serving.start()\n"
        "for _ in sys.stdin:\n"
        "    print(serving.health(reasons=True).body.decode().strip(), flush=True)\n"
        "serving.stop()"
    )
    database = postgres.new_database()
    postgres.stop()
    try:
        server = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=os.environ | {"GMM_DATABASE": database, "GMM_SCHEDULER": site.cluster.address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def health():
            server.stdin.write("?\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        body = until(lambda: "store" in (h := health())["away"] and h)
        assert "The database does not answer at the moment" in body["away"]["store"]
    finally:
        postgres.start()
    with server:
        assert until(lambda: health() == {"status": "ok"})
        server.stdin.close()
        assert server.wait(60) == 0


def test_a_port_that_is_taken_is_said_and_the_server_goes_on(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serving = Serving()
        serving._listen("127.0.0.1", taken.getsockname()[1])
    assert serving.port == 0
    assert "Set GMM_METRICS_ADDRESS and GMM_METRICS_PORT to what is free" in caplog.text
