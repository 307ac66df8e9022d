"""What a browser hears that comes back: nothing, until what it asks for begins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages.parts.reconnecting import Reconnecting


def finished() -> bytes:
    said = ForwardMsg()
    said.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    return said.SerializeToString()


def begins(*fragments: str) -> bytes:
    said = ForwardMsg()
    said.new_session.name = "app"
    said.metadata.run.script_run_id = "1"
    said.metadata.run.fragment_ids.extend(fragments)
    return said.SerializeToString()


def asks(fragment: str = "") -> bytes:
    asked = BackMsg()
    asked.rerun_script.fragment_id = fragment
    return asked.SerializeToString()


def heard(subprotocols: bytes, request: bytes, before: list[bytes], after: list[bytes]) -> list:
    """What comes of what a server sends before and after it hears a request."""

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for said in before:
            await send({"type": "websocket.send", "bytes": said})
        assert (await receive())["bytes"] == request
        for said in after:
            await send({"type": "websocket.send", "bytes": said})

    came: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "bytes": request}

    async def send(message: dict[str, Any]) -> None:
        came.append(message.get("bytes", message["type"]))

    scope = {"type": "websocket", "headers": [(b"sec-websocket-protocol", subprotocols)]}
    asyncio.run(Reconnecting(server)(scope, receive, send))  # type: ignore[arg-type]
    return came


NEW, BACK = b"streamlit, token", b"streamlit, token, session"


def test_what_waited_is_dropped_also_when_it_comes_after_the_request():
    old = [begins("part"), finished()]
    came = heard(BACK, asks(), old, [finished(), begins(), finished()])
    assert came == ["websocket.accept", begins(), finished()]


def test_who_asks_for_a_part_hears_that_part_begin():
    came = heard(BACK, asks("part"), [finished()], [begins(), begins("part"), finished()])
    assert came == ["websocket.accept", begins("part"), finished()]


def test_who_comes_for_the_first_time_hears_everything():
    came = heard(NEW, asks(), [finished()], [begins(), finished()])
    assert came == ["websocket.accept", finished(), begins(), finished()]


@pytest.mark.parametrize("request_", [b"\xff\xff\xff", BackMsg().SerializeToString()])
def test_who_asks_for_something_else_than_a_page_is_answered(request_):
    came = heard(BACK, request_, [finished()], [begins("part"), finished()])
    assert came == ["websocket.accept", begins("part"), finished()]
