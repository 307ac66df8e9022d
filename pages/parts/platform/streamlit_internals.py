"""Every use of a name that Streamlit does not document, each held by tests/contracts.

A version of Streamlit may change any of them unannounced. Nothing else in the pages imports from
inside the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from starlette.types import Scope
from streamlit import runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

__all__ = [
    "DeltaGenerator",
    "Part",
    "begins",
    "forget_upload",
    "is_host_allowed",
    "keep_unsent",
    "request",
    "returning",
    "session_asked_for",
    "session_of",
    "sessions",
    "this_session",
    "user_cookie",
    "went_through_history",
    "without_session",
]

_SESSIONS = "active_sessions"


def keep_unsent() -> None:
    """Let a fragment that runs again drop nothing that its browser has not got yet.

    As a fragment begins, Streamlit takes from the queue what that fragment has drawn and was not
    sent. But what the browser knows already stands there as a reference that names no fragment, and
    stays: it points into a block that never came, and the browser empties the page. The end of the
    whole page stays too, at which the browser takes what never came for gone. On a quiet machine
    the queue is empty by then; on a busy one it is not. Called as the server starts.
    """
    clear = ForwardMsgQueue.clear

    def clear_whole_pages(
        queue: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        if fragment_ids_this_run is None:
            clear(queue, retain_lifecycle_msgs)
        else:
            # What comes now must not take the place of what was drawn before the fragment began.
            queue._delta_index_map = {}

    ForwardMsgQueue.clear = clear_whole_pages  # type: ignore[method-assign]


def sessions() -> int:
    """Count the sessions that this server has with browsers."""
    stats = runtime.get_instance().stats_mgr.get_stats(family_names=[_SESSIONS])
    return sum(int(stat.value) for stat in stats.get(_SESSIONS, ()))


def went_through_history() -> bool:
    """Whether the browser went back or forward to the address that the page runs for."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


@dataclass(frozen=True)
class Part:
    """What of a page is asked for or begins: some fragments, or with none of them all of it."""

    fragments: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether it is the whole page."""
        return not self.fragments


def returning(scope: Scope) -> bool:
    """Whether a connection is that of a browser that had a session before.

    Streamlit's browser side names that session as the third of the subprotocols.
    """
    if scope["type"] != "websocket":
        return False
    offered = b",".join(v for k, v in scope["headers"] if k == b"sec-websocket-protocol")
    return any(part.strip() for part in offered.split(b",")[2:3])


def request(message: bytes) -> Part | None:
    """Return what of the page a browser's message asks for; None when it asks for none of it."""
    try:
        back = BackMsg.FromString(message)
    except DecodeError:  # Streamlit answers it
        return None
    if not back.HasField("rerun_script"):
        return None
    fragment = back.rerun_script.fragment_id
    return Part(frozenset([fragment] if fragment else []))


def begins(message: bytes) -> Part | None:
    """Return what of the page begins to be drawn with a server's message; None for any other.

    Raises
    ------
    ValueError
        When the message is none of Streamlit's.
    """
    try:
        forward = ForwardMsg.FromString(message)
    except DecodeError as error:
        raise ValueError(f"{len(message)} bytes are no message of Streamlit's: {error}") from error
    if not forward.HasField("new_session"):
        return None
    return Part(frozenset(forward.metadata.run.fragment_ids))


def this_session() -> str:
    """Return the id of the session that draws a page, "" outside of one."""
    context = get_script_run_ctx()
    return "" if context is None else str(context.session_id)


def session_of(message: bytes) -> str:
    """Return the id of the session that a server's message begins; "" for any other message."""
    try:
        forward = ForwardMsg.FromString(message)
    except DecodeError:
        return ""
    return forward.new_session.initialize.session_id


def session_asked_for(scope: Scope) -> str:
    """Return the id of the session that a browser wants to continue, or ""."""
    return _offered(scope)[2] if len(_offered(scope)) > 2 else ""


def without_session(scope: Scope) -> Scope:
    """Return the same request for a session of its own."""
    offered = _offered(scope)[:2]
    others = [(k, v) for k, v in scope["headers"] if k != b"sec-websocket-protocol"]
    headers = [*others, (b"sec-websocket-protocol", ", ".join(offered).encode())]
    return {**scope, "headers": headers, "subprotocols": offered}


def user_cookie(cookies: Mapping[str, str]) -> bytes | None:
    """Return what the cookie of a sign-in says; None without one that this server signed."""
    name = starlette_websocket.USER_COOKIE_NAME
    return starlette_websocket._get_signed_cookie_with_chunks(dict(cookies), name)


def forget_upload(session: str, file: str) -> None:
    """Let go of a file that was uploaded."""
    manager = runtime.get_instance()._uploaded_file_mgr
    if manager is not None:
        manager.remove_file(session_id=session, file_id=file)


def _offered(scope: Scope) -> list[str]:
    raw = b",".join(v for k, v in scope["headers"] if k == b"sec-websocket-protocol")
    return [part.strip() for part in raw.decode("latin-1").split(",")]
