"""What Dask does not document, in one place; `tests/contracts` says what for."""

from __future__ import annotations

from collections import deque
from typing import Any


def stop_http_server(node: Any) -> None:
    """Stop what a scheduler or a worker would tell over HTTP to anybody who asks."""
    node.http_server.stop()


def has_subscribed(client: Any, topic: str) -> bool:
    """Whether a client hears a topic."""
    return topic in client._event_handlers


def keep_few_messages(dask_scheduler: Any, listener: str, n_messages: int) -> None:
    """Keep few of the messages to one listener: for those who debug Dask it keeps a thousand.

    Its own setting would shorten what it keeps for those who join a run later, too.
    """
    stream = dask_scheduler.client_comms[listener]
    stream.recent_message_log = deque(stream.recent_message_log, maxlen=n_messages)


def forget_events(dask_scheduler: Any, topic: str, listener: str) -> None:
    """Let the scheduler forget what was said about a topic, and the topic with its last listener.

    Empty it would stay for as long as the scheduler.
    """
    topics = dask_scheduler._broker._topics
    if topic in topics:
        topics[topic].truncate()
        topics[topic].unsubscribe(listener)
        if not topics[topic].subscribers:
            del topics[topic]
