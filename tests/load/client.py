"""One person at the dashboard, without a browser: Streamlit's websocket, spoken as its page does.

A browser keeps the elements that it was sent, the values of its widgets and the timers that
fragments asked for, and so does this; and it asks for the frames of figures of a run under way.
Elements are found by their keys and labels, as they came.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 120.0  # seconds until a person gives up, which is an error
_ERROR = 1  # an alert's format
# Seconds to a figure's next frame; after none, and twice that, up to a second: as in frames.js.
_FRAME, _SOON, _QUIET = 0.25, 0.1, 1.0


class GaveUpError(Exception):
    """What was waited for did not come."""


class Person:
    """One session of the dashboard at `url`, from opening to leaving.

    errors : what must not happen: exceptions and error boxes on the page, closed connections.
    address : where the person comes from, one of this machine's own; "" for the usual one.
    changed_at : when a figure, by its key, was last drawn with other content.
    """

    def __init__(self, url: str, errors: list[str], cookie: str = "", address: str = "") -> None:
        self.url = url
        self.address = address
        self.errors = errors
        self.cookie = cookie or secrets.token_urlsafe(32)
        self.query = ""
        self.begun = 0  # script runs
        self._finished = 0  # of them, those that came to their end
        self.bytes = 0
        self.changed_at: dict[str, float] = {}
        self.frames: dict[str, int] = {}
        self._contents: dict[str, str] = {}
        self._elements: dict[tuple[int, ...], tuple[Element, int, str]] = {}
        self._values: dict[str, WidgetState] = {}
        self._cache: dict[str, tuple[ForwardMsg, int]] = {}
        self._kept_for = 0  # runs of a page for which large elements are kept: the server says it
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._streams: dict[str, str] = {}  # what to ask for a figure's frames with, by its key
        self._streams_at = ""
        self._projector: asyncio.Task[None] | None = None
        self._pages: dict[str, str] = {}
        self._page = ""
        self._session = ""
        self._places: list[FileURLs] = []  # where the server takes the files that were asked for
        self._fragments: list[str] = []
        self._asked = False  # for a run that has not begun
        self._news = asyncio.Condition()
        # A session answers the browser that began it, which it knows by the second cookie.
        door = secrets.token_urlsafe(32)
        self._headers = {"Cookie": f"gmm_browser={self.cookie}; gmm_door={door}"}
        self._socket: ClientConnection | None = None
        self._listener: asyncio.Task[None] | None = None

    # ---- coming and going ----

    async def open(self, page: str = "fit", query: str = "") -> None:
        """Open a page of the dashboard in a new session."""
        self.query = query
        host = urlsplit(self.url).netloc
        self._socket = await connect(
            f"ws://{host}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=self.url,  # type: ignore[arg-type]
            additional_headers=self._headers,
            max_size=None,
            open_timeout=PATIENCE,
            compression=None,
            ping_timeout=PATIENCE,
            **({"local_addr": (self.address, 0)} if self.address else {}),
        )
        self._listener = asyncio.create_task(self._listen())
        await self._rerun(page_name=page)

    async def leave(self) -> None:
        """Close the page."""
        self._stop_timers()
        if self._projector is not None:
            self._projector.cancel()
            with suppress(asyncio.CancelledError):
                await self._projector
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        if self._socket is not None:
            await self._socket.close()
        self._socket = None

    # ---- what a person does ----

    async def set(self, **values: Any) -> None:
        """Set widgets by their keys, and run the fragment that they stand in."""
        fragment = ""
        for name, chosen in values.items():
            element, fragment = self._widget(name)
            self._values[_id(element)] = _state(element, chosen)
        await self._rerun(fragment=fragment)

    async def press(self, key: str) -> None:
        """Press a button."""
        element, fragment = self._widget(key)
        state = WidgetState(id=element.button.id, trigger_value=True)
        await self._rerun(fragment=fragment, trigger=state)

    async def upload(self, key: str, name: str, content: bytes) -> int:
        """Give a file to an uploader; return the status with which the server took it."""
        element, fragment = self._widget(key)
        assert self._socket is not None
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = secrets.token_hex(8), self._session
        request.file_names.append(name)
        self._places = []
        await self._socket.send(message.SerializeToString())
        await self.until(lambda: self._places, "where to send the file")
        place = self._places[0]
        cookie = self._headers["Cookie"]
        transport = httpx.AsyncHTTPTransport(local_address=self.address or None)
        async with httpx.AsyncClient(
            transport=transport, timeout=PATIENCE, headers=self._headers
        ) as client:
            # The server takes a file from who sends back the token that it gave.
            await client.get(f"{self.url}/_stcore/health")
            token = client.cookies.get("_streamlit_xsrf", "")
            answer = await client.put(
                f"{self.url}{place.upload_url}",
                files={"file": (name, content)},
                headers={"X-Xsrftoken": token, "Cookie": f"{cookie}; _streamlit_xsrf={token}"},
            )
        state = WidgetState(id=_id(element))
        state.file_uploader_state_value.uploaded_file_info.add(
            name=name, size=len(content), file_id=place.file_id, file_urls=place
        )
        self._values[_id(element)] = state
        await self._rerun(fragment=fragment)
        return answer.status_code

    async def go_to(self, page: str) -> None:
        """Choose a page in the navigation."""
        self._stop_timers()
        await self._rerun(page_hash=self._pages[page])

    async def until(self, holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> float:
        """Wait until something holds; return the moment."""
        try:
            async with asyncio.timeout(patience), self._news:
                await self._news.wait_for(lambda: holds() or self._socket is None)
        except TimeoutError:
            shown = [words for words in self.text() if not words.startswith("<")]
            raise GaveUpError(
                f"{what} did not come in {patience:.0f} s; run {self.begun}, "
                f"{'ticking' if self.ticking else 'still'}, {self.query}, {shown}"
            ) from None
        if self._socket is None:
            raise GaveUpError(f"the connection was closed before {what} came")
        return time.monotonic()

    # ---- what a person sees ----

    def has(self, key: str) -> bool:
        """Whether a widget that can be used is on the page."""
        with suppress(GaveUpError):
            element, _ = self._widget(key)
            return not getattr(element, str(element.WhichOneof("type"))).disabled
        return False

    def value(self, key: str) -> WidgetState:
        """Return the value of a widget."""
        return self._values[_id(self._widget(key)[0])]

    def text(self, after: int = 0) -> list[str]:
        """Return the words of the page that were drawn after that many script runs."""
        words = []
        for element, run, _ in self._elements.values():
            if run <= after:
                continue
            kind = element.WhichOneof("type")
            if kind in ("markdown", "html"):
                words.append(getattr(element, kind).body)
            elif kind == "progress":
                words.append(element.progress.text)
        return words

    def says(self, start: str, after: int = 0) -> bool:
        """Whether some text that was drawn after that many script runs starts with these words."""
        return any(words.startswith(start) for words in self.text(after))

    @property
    def run_id(self) -> str:
        """The run that the page's address names."""
        return parse_qs(self.query).get("run", [""])[0]

    @property
    def page(self) -> str:
        """The page that is open, by its path."""
        return next((path for path, page in self._pages.items() if page == self._page), "")

    @property
    def ticking(self) -> bool:
        """Whether the page is being kept up to date by a timer."""
        return bool(self._timers)

    # ---- sending ----

    async def _rerun(
        self,
        fragment: str = "",
        page_name: str = "",
        page_hash: str = "",
        trigger: WidgetState | None = None,
        automatic: bool = False,
    ) -> None:
        if self._socket is None:
            return
        message = BackMsg()
        run = message.rerun_script
        run.query_string = self.query
        run.page_script_hash = page_hash or ("" if page_name else self._page)
        run.page_name = page_name
        run.fragment_id = fragment
        run.is_auto_rerun = automatic
        run.cached_message_hashes.extend(self._cache)
        run.context_info.url = f"{self.url}/{page_name}"
        run.context_info.timezone, run.context_info.locale = "Europe/Berlin", "en-US"
        run.widget_states.widgets.extend(self._values.values())
        if trigger is not None:
            run.widget_states.widgets.append(trigger)
        self._asked = True
        with suppress(ConnectionClosed):  # the listener tells
            await self._socket.send(message.SerializeToString())

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}

    async def _tick(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(fragment=fragment, automatic=True)

    async def _roll(self) -> None:
        """Ask for the frames of all streams together, one after the other."""
        quiet = _SOON
        async with httpx.AsyncClient(timeout=PATIENCE, headers=self._headers) as client:
            while True:
                began, pause = time.monotonic(), _FRAME
                if self._streams:
                    keys = {token: key for key, token in self._streams.items()}
                    answer = await client.get(f"{self.url}{self._streams_at}{','.join(keys)}")
                    if answer.status_code != 200:
                        self.errors.append(f"frames were answered with {answer.status_code}")
                        return
                    self.bytes += len(answer.content)
                    frames = answer.json()
                    if any(frame is not None for frame in frames.values()):
                        quiet = _SOON
                    else:
                        pause, quiet = quiet, min(2 * quiet, _QUIET)
                    ended = ""
                    for token, frame in frames.items():
                        if frame:
                            self._changed(keys[token])
                        elif frame is not None and self._streams.get(keys[token]) == token:
                            del self._streams[keys[token]]
                            ended = keys[token]
                    if ended:
                        await self._rerun(fragment=self._fragment_of(ended))
                    async with self._news:
                        self._news.notify_all()
                await asyncio.sleep(max(pause - (time.monotonic() - began), 0.02))

    # ---- receiving ----

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for payload in self._socket:
                self.bytes += len(payload)
                message = ForwardMsg()
                message.ParseFromString(payload)  # type: ignore[arg-type]
                self._take(message)
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        self.errors.append(f"the connection was closed: {self._socket.close_code}")
        self._socket = None
        self._stop_timers()
        async with self._news:
            self._news.notify_all()

    def _take(self, message: ForwardMsg) -> None:
        metadata = message.metadata
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            if message.ref_hash not in self._cache:
                self.errors.append("the server named an element that was never sent")
                return
            message = self._cache[message.ref_hash][0]
            self._cache[message.hash] = (message, self._finished)
            kind = "delta"
        elif metadata.cacheable:
            self._cache[message.hash] = (message, self._finished)
        if kind == "delta":
            self._draw(message, tuple(metadata.delta_path))
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._finish(message)
        elif kind == "navigation":
            self._pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
            # A run began without knowing which page its name meant.
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            self._places = list(message.file_urls_response.file_urls)
        elif kind == "auto_rerun":
            self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                if timer := self._timers.pop(fragment, None):
                    timer.cancel()
        elif kind == "page_not_found" or (
            kind == "session_event"
            and message.session_event.HasField("script_compilation_exception")
        ):
            self.errors.append(f"{kind}: {message}")

    def _begin(self, message: ForwardMsg) -> None:
        self.begun += 1
        self._asked = False
        self._session = message.new_session.initialize.session_id or self._session
        self._kept_for = message.new_session.config.max_cached_message_age
        self._fragments = list(message.metadata.run.fragment_ids)
        if not self._fragments:
            self._page = message.new_session.page_script_hash
            self._stop_timers()

    def _start_timer(self, fragment: str, interval: float) -> None:
        if fragment not in self._timers:
            self._timers[fragment] = asyncio.create_task(self._tick(fragment, interval))

    def _draw(self, message: ForwardMsg, path: tuple[int, ...]) -> None:
        delta = message.delta
        if delta.WhichOneof("type") == "add_block":
            # What stood at this place as an element is gone; what it holds comes after it.
            self._elements.pop(path, None)
            return
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        self._elements[path] = (element, self.begun, delta.fragment_id)
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == _ERROR:
            self.errors.append(f"on the page: {element.alert.body}")
        elif kind == "bidi_component":
            key = _key(element.bidi_component.id)
            self._follow(key, element.bidi_component.json)
            if self._contents.get(key) != message.hash:
                self._contents[key] = message.hash
                self._changed(key)
        elif kind in _STARTS:
            widget = getattr(element, kind)
            if widget.id not in self._values or widget.set_value:
                self._values[widget.id] = _STARTS[kind](widget)

    def _changed(self, key: str) -> None:
        self.changed_at[key] = time.monotonic()
        self.frames[key] = self.frames.get(key, 0) + 1

    def _follow(self, key: str, data: str) -> None:
        figure = json.loads(data) if data else {}
        self._streams.pop(key, None)
        if token := figure.get("stream"):
            self._streams[key], self._streams_at = token, figure["streams"]
            if self._projector is None:
                self._projector = asyncio.create_task(self._roll())

    def _finish(self, message: ForwardMsg) -> None:
        success = ForwardMsg.ScriptFinishedStatus
        if message.script_finished == success.FINISHED_EARLY_FOR_RERUN:
            return
        # What a run that came to its end has not drawn again is no longer on the page.
        self._elements = {
            path: (element, run, fragment)
            for path, (element, run, fragment) in self._elements.items()
            if run == self.begun or (self._fragments and fragment not in self._fragments)
        }
        if self._asked:
            return  # the server was told which elements are kept
        self._finished += 1
        # A fragment's run ages what the fragment drew, and leaves the rest alone.
        self._cache = {
            name: (cached, run)
            for name, (cached, run) in self._cache.items()
            if (self._fragments and cached.delta.fragment_id not in self._fragments)
            or self._finished - run <= self._kept_for
        }

    def _fragment_of(self, figure: str) -> str:
        """Return the fragment that drew a figure: its end is told there, as frames.js does."""
        for element, _, fragment in self._elements.values():
            if figure == _key(element.bidi_component.id):
                return fragment
        return ""

    def _widget(self, name: str) -> tuple[Element, str]:
        for element, _, fragment in self._elements.values():
            kind = str(element.WhichOneof("type"))
            widget = getattr(element, kind) if kind in (*_STARTS, *_OTHERS) else None
            if widget is not None and name in (_key(widget.id), widget.label):
                return element, fragment
        raise GaveUpError(f"there is no {name!r} on the page")


def _key(element_id: str) -> str:
    """Return the key that the page gave an element: its id is "$$ID-<hash>-<key>"."""
    return element_id.split("-", 2)[-1]


def _id(element: Element) -> str:
    return str(getattr(element, str(element.WhichOneof("type"))).id)


def _number(widget: Any) -> WidgetState:
    chosen = widget.value if widget.set_value else widget.default
    return WidgetState(id=widget.id, double_value=chosen)


def _slider(widget: Any) -> WidgetState:
    state = WidgetState(id=widget.id)
    state.double_array_value.data.extend(widget.value if widget.set_value else widget.default)
    return state


def _option(widget: Any) -> WidgetState:
    if widget.set_value:
        return WidgetState(id=widget.id, string_value=widget.raw_value)
    chosen = widget.options[widget.default] if widget.options else ""
    return WidgetState(id=widget.id, string_value=chosen)


def _flag(widget: Any) -> WidgetState:
    return WidgetState(
        id=widget.id, bool_value=widget.value if widget.set_value else widget.default
    )


def _text(widget: Any) -> WidgetState:
    chosen = widget.value if widget.set_value else widget.default
    return WidgetState(id=widget.id, string_value=chosen)


def _options(widget: Any) -> WidgetState:
    state = WidgetState(id=widget.id)
    names = [option.content if hasattr(option, "content") else option for option in widget.options]
    chosen = widget.raw_values if widget.set_value else [names[i] for i in widget.default]
    state.string_array_value.data.extend(chosen)
    return state


# What a widget holds when it is drawn: its default, or what the server has set.
_STARTS: dict[str, Callable[[Any], WidgetState]] = {
    "number_input": _number,
    "slider": _slider,
    "selectbox": _option,
    "checkbox": _flag,
    "text_input": _text,
    "multiselect": _options,
    "button_group": _options,
}


_OTHERS = ("button", "file_uploader")  # that hold nothing when they are drawn


def _state(element: Element, value: Any) -> WidgetState:
    """Return the state of a widget to which a person gave a value."""
    kind = str(element.WhichOneof("type"))
    widget = getattr(element, kind)
    state = WidgetState(id=widget.id)
    if kind == "number_input":
        state.double_value = value
    elif kind == "slider":
        state.double_array_value.data.append(value)
    elif kind == "checkbox":
        state.bool_value = value
    elif kind == "selectbox":
        if value not in widget.options:
            raise GaveUpError(f"{value!r} is none of {list(widget.options)}")
        state.string_value = value
    else:
        state.string_value = value
    return state
