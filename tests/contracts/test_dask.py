"""What Dask does not document and gmm_core/worker/dask_internals.py builds on."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import distributed
import pytest
from distributed.batched import BatchedSend
from distributed.client import Client

from gmm_core.jobs import local_cluster
from gmm_core.worker import dask_internals

from .promises import files_that_match, name, takes

VERSION = f"distributed {distributed.__version__}"


def test_one_file_uses_what_dask_does_not_document():
    inside = r"_event_handlers|\._broker|_topics|recent_message_log|client_comms|\.http_server"
    assert files_that_match(inside, ("pages", "gmm_core")) == {"gmm_core/worker/dask_internals.py"}


@pytest.fixture(scope="module")
def client():
    cluster = local_cluster.start(1, "")
    with Client(cluster, set_as_default=False) as client:
        yield client
    cluster.close()


def test_a_scheduler_and_a_worker_have_an_http_server_that_can_be_stopped(client):
    scheduler = client.cluster.scheduler
    assert all(socket.fileno() == -1 for socket in scheduler.http_server._sockets.values()), (
        f"{VERSION} goes on serving HTTP after http_server.stop(): strangers could ask a scheduler."
    )
    for node in ("distributed.scheduler", "distributed.worker"):
        source = Path(__import__(node, fromlist=["_"]).__file__).parent / "node.py"
        assert "self.http_server = HTTPServer(" in source.read_text(encoding="utf-8"), (
            f"{VERSION} keeps a node's HTTP server under another name than http_server."
        )


def test_a_client_knows_the_topics_that_it_hears(client):
    assert not dask_internals.has_subscribed(client, "weather")
    client.subscribe_topic("weather", lambda event: None)
    assert dask_internals.has_subscribed(client, "weather"), (
        f"{VERSION}: a client no longer keeps its topics in _event_handlers, so the scheduler "
        "would never be told to forget the reports of a run."
    )
    client.unsubscribe_topic("weather")


def test_a_scheduler_keeps_few_messages_to_a_listener(client):
    client.run_on_scheduler(dask_internals.keep_few_messages, listener=client.id, n_messages=7)
    stream = client.cluster.scheduler.client_comms[client.id]
    assert isinstance(stream, BatchedSend), f"{VERSION} has no BatchedSend in client_comms."
    log = stream.recent_message_log
    assert isinstance(log, deque), f"{VERSION} logs messages in no deque."
    assert log.maxlen == 7, f"{VERSION} keeps {log.maxlen} messages for a client, not 7."


def test_a_scheduler_forgets_a_topic(client):
    name(
        "distributed",
        "distributed.broker",
        "Topic.truncate",
        "lets the scheduler forget the reports of a run that has ended",
    )
    takes("distributed", name("distributed", "distributed.broker", "Topic.unsubscribe", "as above"),
          "self", "subscriber")  # fmt: skip
    client.subscribe_topic("news", lambda event: None)
    client.log_event("news", "one")
    assert client.get_events("news")
    client.run_on_scheduler(dask_internals.forget_events, topic="news", listener=client.id)
    left = client.cluster.scheduler._broker._topics
    assert "news" not in left, (
        f"{VERSION} keeps a topic that nobody hears in _broker._topics: the reports of every run "
        "would stay in the scheduler."
    )
