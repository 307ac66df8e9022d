"""What a browser hears that comes back: nothing, until what it asks for begins."""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from pages.parts.platform.reconnecting import Reconnecting


def finished() -> bytes:
    forward = ForwardMsg()
    forward.script_finished = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
    return forward.SerializeToString()


def begins(*fragments: str) -> bytes:
    forward = ForwardMsg()
    forward.new_session.name = "app"
    forward.metadata.run.script_run_id = "1"
    forward.metadata.run.fragment_ids.extend(fragments)
    return forward.SerializeToString()


def asks(fragment: str = "") -> bytes:
    back = BackMsg()
    back.rerun_script.fragment_id = fragment
    return back.SerializeToString()


def heard(subprotocols: bytes, *exchange: tuple[str, Any]) -> list[Any]:
    """What reaches a browser of an exchange of ("ask", request) and ("tell", answer)."""

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for who, message in exchange:
            if who == "ask":
                assert (await receive())["bytes"] == message
            else:
                await send({"type": "websocket.send", "bytes": message})

    requests = iter([message for who, message in exchange if who == "ask"])
    came: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "bytes": next(requests)}

    async def send(message: dict[str, Any]) -> None:
        came.append(message.get("bytes", message["type"]))

    scope = {"type": "websocket", "headers": [(b"sec-websocket-protocol", subprotocols)]}
    asyncio.run(Reconnecting(server)(scope, receive, send))  # type: ignore[arg-type]
    assert came.pop(0) == "websocket.accept"
    return came


def ask(fragment: str = "") -> tuple[str, bytes]:
    return ("ask", asks(fragment))


def tell(*messages: bytes) -> list[tuple[str, bytes]]:
    return [("tell", message) for message in messages]


NEW, BACK = b"streamlit, token", b"streamlit, token, session"


def test_what_waited_is_dropped_also_when_it_comes_after_the_request():
    old = tell(begins("part"), finished())
    came = heard(BACK, *old, ask(), *tell(finished(), begins(), finished()))
    assert came == [begins(), finished()]


def test_a_page_that_began_before_anything_was_asked_for_is_dropped():
    old = tell(begins(), finished())
    came = heard(BACK, *old, ask("part"), *tell(begins("part"), finished()))
    assert came == [begins("part"), finished()]


def test_who_asks_for_a_part_hears_that_part_begin():
    answers = tell(begins("other"), finished(), begins("part"), finished())
    assert heard(BACK, *tell(finished()), ask("part"), *answers) == [begins("part"), finished()]


def test_who_comes_for_the_first_time_hears_everything():
    came = heard(NEW, *tell(finished()), ask(), *tell(begins(), finished()))
    assert came == [finished(), begins(), finished()]


def answer_to(requests: tuple[str, ...]) -> bytes:
    """How the one run begins that Streamlit makes of requests that come before it has begun."""
    queue = ScriptRequests()
    for fragment in requests:
        queue.request_rerun(RerunData(fragment_id=fragment or None))
    run = queue.on_scriptrunner_ready().rerun_data
    return begins(*run.fragment_id_queue)


@pytest.mark.parametrize(
    "requests",
    [pair for each in [("", "part"), ("part", "other")] for pair in permutations(each)]
    + [("", ""), ("part", "part"), ("part", "other", "")],
    ids=lambda requests: ", then ".join(each or "page" for each in requests),
)
def test_requests_that_streamlit_answers_with_one_run_are_answered(requests):
    beginning = answer_to(requests)
    nine = [beginning, *[finished()] * 8]
    assert heard(BACK, *tell(finished()), *map(ask, requests), *tell(*nine)) == nine


@pytest.mark.parametrize("first", ["", "part"])
def test_a_second_request_is_answered_when_nothing_comes_of_the_first(first):
    # A fragment that left the page is not drawn any more.
    came = heard(BACK, ask(first), ask("other"), *tell(begins("other"), finished()))
    assert came == [begins("other"), finished()]


@pytest.mark.parametrize("request_", [b"\xff\xff\xff", BackMsg().SerializeToString()])
@pytest.mark.parametrize("before", [[], [ask()]], ids=["first", "after the page"])
def test_who_asks_for_something_else_than_a_page_is_answered(request_, before):
    exchange = [*tell(finished()), *before, ("ask", request_), *tell(begins("part"), finished())]
    assert heard(BACK, *exchange) == [begins("part"), finished()]


def test_an_answer_that_cannot_be_read_is_passed_on_and_begins_nothing():
    unreadable = b"\xff\xff\xff"
    came = heard(BACK, ask(), *tell(unreadable, finished(), begins(), finished()))
    assert came == [unreadable, begins(), finished()]
