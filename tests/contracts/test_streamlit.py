"""What Streamlit does not document and pages/parts/platform/streamlit_internals.py builds on."""

from __future__ import annotations

import re
import tomllib
from inspect import signature
from pathlib import Path

import pytest
import streamlit as st
from starlette.datastructures import Headers
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages.parts.platform import streamlit_internals

from .promises import TOP, files_that_match, name, takes

VERSION = f"Streamlit {st.__version__}"


def test_one_file_uses_what_streamlit_does_not_document():
    inside = r"(from|import) streamlit\.|from streamlit import (?!__version__)|\bst\.(_|runtime\b)"
    assert files_that_match(inside, ("pages", "gmm_core")) == {
        "pages/parts/platform/streamlit_internals.py"
    }


def test_sessions_are_counted_by_the_manager_of_sessions():
    family = streamlit_internals._SESSIONS
    manager = name(
        "streamlit",
        "streamlit.runtime.websocket_session_manager",
        "WebsocketSessionManager",
        "the metric of sessions is read from its statistics",
    )
    key = name("streamlit", "streamlit.runtime.stats", "ACTIVE_SESSIONS_FAMILY", "its key")
    assert key == family, f"{VERSION} calls the statistic of sessions {key!r}, not {family!r}."
    assert "family_names" in signature(manager.get_stats).parameters, (
        f"{VERSION} gives statistics by other arguments than family_names."
    )


def test_a_run_knows_whether_the_browser_went_through_its_history():
    name("streamlit", "streamlit.runtime.scriptrunner", "get_script_run_ctx", "asked for the run")
    context = name(
        "streamlit",
        "streamlit.runtime.scriptrunner_utils.script_run_context",
        "ScriptRunContext",
        "says how the browser came to its address",
    )
    assert "is_history_navigation" in context.__dataclass_fields__, (
        f"{VERSION} no longer tells a run that the browser went back: an address that names "
        "another run would be taken for a late one, and not be opened."
    )
    assert not streamlit_internals.went_through_history()  # outside of a run


def test_a_browser_that_comes_back_names_its_session_third():
    parse = name(
        "streamlit",
        "streamlit.web.server.starlette.starlette_websocket",
        "_parse_subprotocols",
        "the server's own reading of the subprotocols",
    )
    for offered, back in [("streamlit, token, session", True), ("streamlit, token", False)]:
        theirs = parse(Headers({"sec-websocket-protocol": offered}))
        scope = {
            "type": "websocket",
            "headers": [(b"sec-websocket-protocol", offered.encode())],
        }
        assert streamlit_internals.returning(scope) == back == (theirs[-1] is not None), (
            f"{VERSION} reads {offered!r} as {theirs}: the session of a browser that comes back no "
            "longer stands third among the subprotocols."
        )


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (BackMsg, "rerun_script.fragment_id"),
        (ForwardMsg, "new_session"),
        (ForwardMsg, "metadata.run.fragment_ids"),
    ],
)
def test_messages_between_browser_and_server_have_the_fields_that_are_read(message, path):
    descriptor = message.DESCRIPTOR
    for part in path.split("."):
        assert part in getattr(descriptor, "fields_by_name", ()), (
            f"{VERSION} has no {path} in {message.DESCRIPTOR.name}: whether a page begins that a "
            "browser asked for as it came back is told otherwise."
        )
        descriptor = descriptor.fields_by_name[part].message_type


def test_a_fragment_that_runs_again_keeps_what_was_not_sent(monkeypatch):
    queue_class = name(
        "streamlit",
        "streamlit.runtime.forward_msg_queue",
        "ForwardMsgQueue",
        "what a fragment that runs again would drop is kept in it",
    )
    takes("streamlit", queue_class.clear, "self", "retain_lifecycle_msgs", "fragment_ids_this_run")

    def delta_of(*path, fragment=""):
        message = ForwardMsg()
        message.metadata.delta_path[:] = path
        message.delta.fragment_id = fragment
        message.delta.new_element.text.body = "text"
        return message

    monkeypatch.setattr(queue_class, "clear", queue_class.clear)  # put back at the end
    streamlit_internals.keep_unsent()
    queue = queue_class()
    unsent = [delta_of(0, 1), delta_of(0, 2, fragment="ticking")]
    for message in unsent:
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["ticking"])
    again = delta_of(0, 2, fragment="ticking")
    queue.enqueue(again)
    assert queue.flush() == [*unsent, again], (
        f"{VERSION} keeps what was not sent by another name than _delta_index_map."
    )
    assert queue.is_empty()
    queue.enqueue(unsent[0])
    queue.clear(retain_lifecycle_msgs=True)  # the whole page begins: it draws all of it again
    assert queue.is_empty()


def test_a_delta_generator_is_what_columns_are():
    assert isinstance(st.container(), streamlit_internals.DeltaGenerator), (
        f"{VERSION} draws into something else than streamlit.delta_generator.DeltaGenerator."
    )


def options():
    """Names of the settings in the configuration file; colours of a theme are in its sections."""
    settings = tomllib.loads((TOP / ".streamlit" / "config.toml").read_text())
    for section, entries in settings.items():
        for key, entry in entries.items():
            inner = entry if isinstance(entry, dict) else {}
            deeper = {k: v for k, v in inner.items() if isinstance(v, dict)}
            if not inner:
                yield f"{section}.{key}"
            yield from (f"{section}.{key}.{k}" for k in inner if k not in deeper)
            yield from (f"{section}.{key}.{k}.{kk}" for k, v in deeper.items() for kk in v)


@pytest.mark.parametrize("option", list(options()))
def test_the_configuration_sets_options_that_are_there(option):
    try:
        st.get_option(option)
    except RuntimeError:
        pytest.fail(
            f"{VERSION} has no option {option} and ignores it. See the comment beside it in "
            ".streamlit/config.toml for what it was there for."
        )


def test_the_app_takes_routes_and_middleware():
    parameters = signature(st.App.__init__).parameters
    for argument in ("routes", "middleware", "lifespan"):
        assert argument in parameters, (
            f"{VERSION}: st.App takes no {argument}; the server needs it."
        )


def marks():
    """What the style sheets know of the pages' elements: test ids, classes and the stale mark."""
    css = "".join(path.read_text() for path in (TOP / "pages").rglob("*.css"))
    css = re.sub(r"(?s)/\*.*?\*/", "", css)
    names = {*re.findall(r'data-testid="(\w+)"', css), *re.findall(r"\.(st[A-Z]\w+)", css)}
    return sorted(names | {"data-stale", "st-key-"})


@pytest.fixture(scope="module")
def scripts():
    return "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(st.__file__).parent / "static" / "static" / "js").glob("*.js")
    )


@pytest.mark.parametrize("mark", marks())
def test_style_sheets_name_elements_that_there_are(mark, scripts):
    assert mark in scripts, (
        f"{VERSION} marks no element with {mark!r} any more: a rule of the pages' style sheets "
        "has nothing that it holds for."
    )
