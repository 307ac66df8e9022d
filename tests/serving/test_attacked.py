"""A real server among strangers who speak to it by hand: nothing leaks, nothing breaks."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from browser.conftest import ROOT, Server, start_server
from load.client import Person
from processes import until
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import gmm_core as gmm
from gmm_core.store import Store

ANN, DOOR = "a" * 42 + "-", "d" * 43
SECRET = "Salaries nobody may see"
REFUSED = (ConnectionClosed, InvalidMessage, InvalidStatus, ConnectionError)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, with a run of Ann's on her list."""
    folder = tmp_path_factory.mktemp("attacked")
    owner = "browser:" + hashlib.sha256(ANN.encode()).hexdigest()[:32]
    data = gmm.Dataset.from_values([1.0, 2.0, 4.0], name=SECRET)
    spec = gmm.Specification(dataset=data, mixture=gmm.Mixture(), options=gmm.MapOptions())
    with Store(f"sqlite:///{folder / 'runs.sqlite'}") as store:
        store.save_dataset(data, owner)
        store.create_run(spec, owner)
        store.set_state(spec.id, "cancelled", "Cancelled.")
    server = start_server(ROOT / "app.py", folder)
    until(lambda: well(server), 120)
    yield server
    server.stop()


def request(server: Server, path: str, method: str = "GET", body: bytes = b"", **headers: str):
    """Status and body of an answer to a path as it stands: urllib would tidy it up."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection._validate_path = lambda path: None  # type: ignore[attr-defined]
    connection._encode_request = lambda text: text.encode("latin-1")  # type: ignore[attr-defined]
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def stream(server: Server, *, cookie: str = "", **options) -> ClientConnection:
    """A websocket as a browser opens it, or not quite."""
    options = {"origin": server.url, "subprotocols": ["streamlit"], "max_size": None, **options}
    headers = {"Cookie": cookie} if cookie else {}
    return connect(
        server.url.replace("http", "ws", 1) + "/_stcore/stream",
        additional_headers=headers,
        compression=None,
        **{"open_timeout": 60, **options},
    )


def ask_for(socket: ClientConnection, page: str) -> tuple[str, bytes]:
    """Draw a page, and return the session's id and all that came of it."""
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.context_info.url = "http://127.0.0.1/" + page
    socket.send(message.SerializeToString())
    session, received = "", b""
    while True:
        payload = socket.recv(timeout=60)
        received += payload
        forward = ForwardMsg.FromString(payload)
        if forward.WhichOneof("type") == "new_session":
            session = forward.new_session.initialize.session_id
        if forward.WhichOneof("type") == "script_finished" and forward.script_finished == 0:
            return session, received


def well(server: Server) -> bool:
    return request(server, "/health")[0] == 200


@contextmanager
def quiet(server: Server) -> Iterator[None]:
    """Whatever is asked in this block makes no traceback."""
    before = len(server.log.read_text(errors="replace"))
    yield
    assert "Traceback" not in server.log.read_text(errors="replace")[before:]


UP = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", "..%c0%af", ".//"]
BASES = ["/", "/static/", "/media/", "/component/x/", "/_stcore/component/", "/app/static/"]
ODD = [
    *("/film", "/frames/", "/frames/../../app.py", "/drawings/%00", "/api/runs/../../app.py"),
    *("//evil.example/%2f..", "/\\\\evil.example\\share", "/%00", "/app.py", "/.streamlit/"),
    *("/.streamlit/secrets.toml", "/.streamlit/config.toml", "/.git/config", "/_stcore/../app.py"),
    *("/static/%00.html", "/" + "a" * 8000, "/_stcore/agent", "/_stcore/agent/state"),
]


def test_no_path_leads_to_a_file(server: Server) -> None:
    ours = [b"enableXsrfProtection", b"import streamlit", b"root:x:", b"[core]", SECRET.encode()]
    paths = [
        base + up * 6 + file
        for base in BASES
        for up in UP
        for file in ("etc/passwd", ".streamlit/config.toml")
    ]
    paths += [base + up + "app.py" for base in BASES for up in UP] + ODD
    statuses = set()
    with quiet(server):
        for path in paths:
            status, body = request(server, path)
            assert status < 500, path
            assert not [part for part in ours if part in body], path
            statuses.add(status)
    assert 404 in statuses
    assert request(server, "/_stcore/agent")[0] in (404, 405)


@pytest.mark.parametrize(
    "options",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "file://"},
        {"origin": "http://127.0.0.1:8888"},
        {"additional": {"Host": "evil.example"}},
    ],
    ids=str,
)
def test_a_foreign_page_opens_no_session(server: Server, options: dict) -> None:
    if host := options.pop("additional", {}).get("Host"):
        assert request(server, "/", Host=f"{host}:8501")[0] == 403
        options["origin"] = f"http://{host}"
    with pytest.raises(REFUSED), stream(server, **options) as socket:
        ask_for(socket, "fit")


@pytest.mark.parametrize(
    "sent",
    [b"\xff\xfe broken", b"", bytes(26 * 2**20), "text", b"\x08" * 1000, secrets.token_bytes(5000)],
    ids=["broken", "empty", "26 MB", "text", "repeats", "random"],
)
def test_what_is_no_message_harms_nobody(server: Server, sent: bytes | str) -> None:
    with stream(server) as other, stream(server) as socket:
        try:
            socket.send(sent)
            while True:
                socket.recv(timeout=1)
        except (TimeoutError, *REFUSED):
            pass
        assert ask_for(other, "runs")[0]
    assert well(server)


def test_fifty_protocols_are_no_session(server: Server) -> None:
    many = ["streamlit", *(f"p{i}" for i in range(50))]
    try:
        with stream(server, subprotocols=many) as socket:
            assert ask_for(socket, "runs")[0] not in many
    except REFUSED:
        pass
    assert well(server)


FORGED = {
    "none": "",
    "short": f"gmm_browser={ANN[:-1]}",
    "one off": f"gmm_browser={ANN[:-1]}a",
    "7 kB": f"gmm_browser={ANN}{'a' * 7000}",
    "60 kB": f"gmm_browser={ANN}; x={'a' * 60_000}",
    "doubled": f"gmm_browser={ANN}{ANN}",
    "latin-1": f"gmm_browser={ANN[:-1]}\xe9",
    "wildcard": "gmm_browser=%",
    "traversal": "gmm_browser=../../" + "a" * 37,
    "another name": f"__Host-gmm_browser={ANN}",
    "spaces": f"gmm_browser={ANN[:20]} {ANN[20:]}",
    "a script's": "gmm_browser=<script>alert(1)</script>",
}


@pytest.mark.parametrize("cookie", FORGED.values(), ids=FORGED)
def test_no_other_cookie_shows_my_list(server: Server, cookie: str) -> None:
    if len(cookie) > 50_000:  # a handshake of that size is not answered, or refused
        with pytest.raises((TimeoutError, *REFUSED)), stream(server, cookie=cookie, open_timeout=5):
            pass
        return
    with quiet(server), stream(server, cookie=cookie) as socket:
        _, received = ask_for(socket, "runs")
    assert SECRET.encode() not in received
    assert b"There is no run yet" in received


def test_a_session_is_nobody_elses_and_takes_no_uploads_of_others(server: Server) -> None:
    mine = f"gmm_browser={ANN}; gmm_door={DOOR}"
    with stream(server, cookie=mine) as socket:
        session, received = ask_for(socket, "runs")
        assert SECRET.encode() in received  # what is looked for can be seen
        for cookie in ("", f"gmm_door={'e' * 43}"):
            with stream(
                server, cookie=cookie, subprotocols=["streamlit", "x", session]
            ) as stranger:
                theirs, received = ask_for(stranger, "runs")
                assert theirs != session
                assert SECRET.encode() not in received
    with stream(server, subprotocols=["streamlit", "x", session]) as stranger:  # she has left
        assert SECRET.encode() not in ask_for(stranger, "runs")[1]
    path = f"/_stcore/upload_file/{session}/file"
    for cookie in ({}, {"Cookie": f"gmm_door={'e' * 43}"}):
        assert request(server, path, "PUT", b"1\n2\n", **cookie)[0] == 403
    assert session not in server.log.read_text()


def test_what_no_slider_gives_is_not_taken(server: Server) -> None:
    """Sent by hand: numbers out of bounds, and none at all."""

    async def crafted() -> list[str]:
        errors: list[str] = []
        person = Person(server.url, errors)
        await person.open("fit")
        await person.until(lambda: person.says("Done in"), "the first screen")
        first = person.run_id
        for value in (1e6, -3.0, float("nan")):
            begun = person.begun
            await person.set(n_components=value)
            await person.until(
                lambda begun=begun: person.begun > begun and person.has("n_components"), "the page"
            )
        for value in (1e12, float("nan")):
            begun = person.begun
            await person.set(**{"map.restarts": value})
            await person.until(
                lambda begun=begun: person.begun > begun and person.has("n_components"), "the page"
            )
        await person.leave()
        assert first
        return [error for error in errors if "Error" in error or "connection" in error]

    assert asyncio.run(crafted()) == []
    assert well(server)


def test_pages_come_while_strangers_ask_without_end(server: Server) -> None:
    stop = []

    def flood(path: str) -> None:
        while not stop:
            assert request(server, path)[0] in (200, 404, 410)

    with ThreadPoolExecutor(20) as strangers:
        floods = [strangers.submit(flood, path) for path in ("/health", "/frames/x") * 10]
        try:
            with stream(server) as socket:
                assert b"There is no run yet" in ask_for(socket, "runs")[1]
        finally:
            stop.append("enough")
        assert all(flood.exception() is None for flood in floods)


def test_more_tabs_than_files_are_refused_and_others_come_after(tmp_path: Path) -> None:
    server = start_server(ROOT / "app.py", tmp_path, settings={"GMM_WORKERS": "1"})
    try:
        until(lambda: well(server), 120)
        with stream(server) as socket:
            assert ask_for(socket, "runs")[0]
        process = psutil.Process(server.process.pid)
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 30,) * 2)
        with ExitStack() as tabs:
            for _ in range(60):
                try:
                    tabs.enter_context(stream(server, open_timeout=3))
                except (TimeoutError, OSError, *REFUSED):
                    break
        until(lambda: request(server, "/_stcore/health")[0] == 200, 60)
        with stream(server) as socket:
            assert ask_for(socket, "runs")[0]
        log = server.log.read_text()
        assert "Too many open files" in log
        assert log.count("ERROR asyncio") + log.count("ERROR tornado") < 20
    finally:
        server.stop()


def test_a_port_that_is_taken_is_told_and_leaves_nothing_behind(server: Server) -> None:
    port = urlsplit(server.url).port
    second = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert second.returncode != 0
    assert f"Port {port} is not available" in second.stdout + second.stderr
    assert well(server)
