"""What stands in deploy/ fits together; the containers themselves are built elsewhere."""

import base64
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import nginx
import pytest
import streamlit
import yaml
from packaging.requirements import Requirement
from processes import free_port, until

from gmm_core import settings
from gmm_core.serving.metrics import Figures, Metrics
from pages.parts.platform import first_paint

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def lines(name):
    all_lines = (ROOT / name).read_text().splitlines()
    return [line.strip() for line in all_lines if line.strip() and not line.startswith("#")]


def test_locked_versions_are_in_the_ranges_of_the_requirements():
    locked = dict(line.split("==") for line in lines("requirements.lock"))
    requirements = [Requirement(line) for line in lines("requirements.txt")]
    assert len(locked) > len(requirements)
    for one in requirements:
        assert one.specifier.contains(locked[one.name]), one
    assert locked["torch"] == "2.13.0"  # without a label such as "+cpu"


def test_compose_has_two_web_processes_that_share_everything(compose):
    services = compose["services"]
    assert set(services) == {"nginx", "web1", "web2", "scheduler", "workers", "database"}
    assert services["web1"] == services["web2"]
    for name in ("web1", "workers"):
        environment = services[name]["environment"]
        assert environment["GMM_SCHEDULER"] == "tcp://scheduler:8786"
        assert environment["GMM_DATABASE"].startswith("postgresql+psycopg://")
    assert {s.get("image") for n, s in services.items() if n not in ("nginx", "database")} == {
        "mixture-explorer"
    }


def test_only_nginx_is_reached_from_outside_and_never_the_scheduler(compose):
    services = compose["services"]
    assert [name for name, s in services.items() if "ports" in s] == ["nginx"]
    assert compose["networks"]["back"] == {"internal": True}
    assert services["nginx"]["networks"] == ["front"]
    for name in ("scheduler", "workers", "database"):
        assert services[name]["networks"] == ["back"]


def test_every_setting_of_compose_is_in_the_example_and_the_readme(compose):
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    example = set(re.findall(r"(?m)^([A-Z_]+)=", (DEPLOY / "env.example").read_text()))
    assert used == example
    readme = (DEPLOY / "README.md").read_text()
    assert all(f"| `{name}` |" in readme for name in used)


def test_everything_that_the_image_copies_is_there_and_is_sent():
    docker = (DEPLOY / "Dockerfile").read_text()
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [p for line in re.findall(r"(?m)^COPY (.+) \S+$", docker) for p in line.split()]
    assert {"app.py", "pages", "gmm_core", "requirements.lock"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in sent
    assert re.search(r"(?m)^USER explorer$", docker)
    # The port's own check answers while the database is away.
    (checked,) = re.findall(r"(?m)^HEALTHCHECK .*(?:\n .*)+", docker)
    assert "http://127.0.0.1:8501/health'" in checked


def test_nginx_sends_the_headers_and_keeps_a_browser_with_its_process():
    conf = (DEPLOY / "nginx.conf").read_text()
    for header in (
        "Content-Security-Policy",
        "X-Frame-Options DENY",
        "X-Content-Type-Options nosniff",
        "Referrer-Policy same-origin",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ):
        assert header in conf
    assert "unsafe-inline" not in re.search(r"script-src[^;]*", conf)[0]
    assert "hash $replica consistent" in conf
    # A location with a header of its own would lose all those above it.
    assert "add_header" not in conf.split("location ~", 1)[1]
    assert conf.count("{") - len(re.findall(r"\{32\}", conf)) == conf.count("}") - len(
        re.findall(r"\{32\}", conf)
    )


def test_no_log_of_nginx_has_a_link_when_the_web_processes_are_down(tmp_path):
    down = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with nginx.running(tmp_path, down) as served:
        for path in ("/fit?run=SECRET", "/frames/SECRET", "/"):
            with pytest.raises(HTTPError, match="502"):
                urlopen(f"{served.url}{path}", timeout=10)
        until(lambda: " / 502 " in served.access.read_text(), 10)
    log = served.access.read_text()
    assert re.search(r"GET /fit 502 \S+ 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+\n", log)
    assert "SECRET" not in log + served.errors.read_text()


def test_metrics_are_told_to_the_inside_only(compose):
    """Every web process tells them, the scrape configuration names each, and nginx none."""
    services = compose["services"]
    web = [name for name, service in services.items() if "streamlit" in service.get("command", ())]
    assert web == ["web1", "web2"]
    ports = {services[name]["environment"]["GMM_METRICS_PORT"] for name in web}
    assert ports == {"9108"}
    for name in (*web, "workers"):
        assert services[name]["environment"]["GMM_LOG_FORMAT"] == "json"
        variables = {settings.variable(field) for field in settings.Settings.model_fields}
        used = {name for name in services[name]["environment"] if name.startswith("GMM_")}
        assert used <= variables
    readme = (DEPLOY / "README.md").read_text()
    (scrape,) = re.findall(r"(?s)```yaml\n(scrape_configs:.*?)```", readme)
    (job,) = yaml.safe_load(scrape)["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"{name}:9108" for name in web]}]
    conf = (DEPLOY / "nginx.conf").read_text()
    assert "9108" not in conf
    assert set(re.findall(r"server (web\d:\d+)", conf)) == {"web1:8501", "web2:8501"}
    (closed,) = re.findall(r"location ~ (\S+) \{\s+return 404;", conf)
    for path in ("/metrics", "/health", "/_stcore/metrics", "/_stcore/agent/x"):
        assert re.search(closed, path), path
    # What browsers need stays open.
    for path in ("/", "/fit", "/_stcore/health", "/_stcore/stream", "/_stcore/host-config"):
        assert not re.search(closed, path), path


def test_the_readme_names_every_metric():
    readme = (DEPLOY / "README.md").read_text()
    served = Metrics(Figures, sessions=lambda: 0)
    names = set(re.findall(r"(?m)^# HELP (gmm_\w+)", served.render()[0].decode()))
    assert len(names) > 10
    assert names == set(re.findall(r"`(gmm_\w+)`", readme))


def test_no_file_for_deployment_names_a_host_of_packages():
    for path in (ROOT / "requirements.lock", *(p for p in DEPLOY.iterdir() if p.is_file())):
        text = path.read_text()
        assert not re.search(r"https?://(?!127\.0\.0\.1|web;)", text), path
        assert "file:/" not in text


def test_the_content_policy_allows_the_scripts_in_the_page_itself_and_no_other():
    index = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    page = index.replace("</head>", first_paint.HEAD.decode())
    scripts = re.findall(r"(?s)<script>(.*?)</script>", page)
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
    conf = (DEPLOY / "nginx.conf").read_text()
    assert set(re.findall(r"'sha256-([^']+)'", conf)) == hashes


def test_every_container_holds_no_rights_and_has_limits(compose):
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        assert service["pids_limit"] <= 400, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert all("size=" in folder for folder in service["tmpfs"]), name
        assert not service.get("healthcheck", {}).get("disable"), name
        user = service.get("user", "explorer" if service["image"] == "mixture-explorer" else "")
        assert user in ("explorer", "nginx", "postgres"), name


def test_what_is_run_from_a_volume_is_written_by_workers_alone(compose):
    holders = [n for n, s in compose["services"].items() if "numba" in str(s.get("volumes", ""))]
    assert holders == ["workers"]


def test_a_web_process_that_is_away_is_a_page_that_comes_back(tmp_path):
    down = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    with nginx.running(tmp_path, down) as served:
        with pytest.raises(HTTPError) as answer:
            urlopen(f"{served.url}/fit", timeout=30)
        with answer.value as error:
            assert error.code == 502
            assert "http-equiv=refresh" in error.read().decode()
            assert error.headers["X-Frame-Options"] == "DENY"


def test_no_log_of_nginx_has_the_id_of_a_session(tmp_path):
    down = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    with nginx.running(tmp_path, down) as served:
        for path in ("/_stcore/upload_file/859e6d5a/0e0c", "/base/_stcore/upload_file/859e6d5a/1"):
            with pytest.raises(HTTPError) as answer:
                urlopen(served.url + path, timeout=30)
            answer.value.close()
        until(lambda: served.access.read_text().count("upload_file") == 2, 10)
        assert "859e6d5a" not in served.access.read_text()


def test_a_proxy_on_this_machine_says_who_asks(tmp_path):
    down = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    with nginx.running(tmp_path, down, logged=" $remote_addr") as served:
        request = Request(f"{served.url}/fit", headers={"X-Forwarded-For": "192.0.2.9, 192.0.2.7"})
        with pytest.raises(HTTPError) as answer:
            urlopen(request, timeout=30)
        answer.value.close()
        until(lambda: served.access.read_text().endswith("192.0.2.7\n"), 10)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{}", "http://127.0.0.1:{}/health"])
def test_the_health_check_ends_what_listens_and_says_nothing(address, monkeypatch):
    from gmm_core.jobs import greet

    ended = []
    # What it ends is every process of its container; here that would be the whole machine.
    monkeypatch.setattr(greet, "_end_all", lambda: ended.append(True))
    monkeypatch.setattr(greet, "_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as mute:
        address = address.format(mute.getsockname()[1])
        with pytest.raises(SystemExit, match="has said nothing"):
            greet.main(address)
        assert not ended
        with pytest.raises(SystemExit, match="has said nothing"):
            greet.main(address, "--or-end-all")
        assert ended


def test_the_health_check_lets_a_web_process_go_on_that_is_unwell_or_not_there_yet(monkeypatch):
    from gmm_core.jobs import greet

    class Unwell(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503 if self.path == "/health" else 204)

        def log_message(self, *arguments):
            pass

    monkeypatch.setattr(greet, "_end_all", lambda: pytest.fail("ended what had answered"))
    with HTTPServer(("127.0.0.1", 0), Unwell) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(SystemExit, match="503"):
            greet.main(f"{url}/health", "--or-end-all")
        greet.main(f"{url}/well", "--or-end-all")
        server.shutdown()
    with pytest.raises(SystemExit, match="does not answer"):
        greet.main(f"{url}/health", "--or-end-all")


def answers(seconds, *command):
    """Run the health check of a container, for which a test has less time."""
    check = subprocess.run(["sh", DEPLOY / "answers.sh", str(seconds), *command], timeout=120)
    return check.returncode


def test_nginx_and_the_database_are_started_again_where_they_say_nothing(compose):
    for name, probe in {
        "nginx": "wget -q -O /dev/null http://127.0.0.1:8081/",
        "database": "pg_isready --quiet --timeout=0 --username=explorer",
    }.items():
        service = compose["services"][name]
        assert "./answers.sh:/answers.sh:ro" in service["volumes"]
        # The first process of a container, which `init` makes another one, cannot be ended so.
        assert service["init"] is True
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"] == [
            "CMD-SHELL",
            f"sh /answers.sh 10 {probe} || {{ [ $$? -eq 3 ] && kill -9 -1; exit 1; }}",
        ]
        assert service["healthcheck"]["timeout"] == "60s"


def test_the_health_check_of_nginx_tells_a_hanging_one_from_one_that_is_not_there(tmp_path):
    down = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    with nginx.running(tmp_path, down) as served:
        probe = [sys.executable, "-c", f"import urllib.request as r; r.urlopen('{served.health}')"]
        # The web processes are away, which is no fault of nginx.
        assert answers(30, *probe) == 0
        with served.hanging():
            assert answers(1, *probe) == 3
    assert answers(30, *probe) == 1


def test_the_health_check_of_the_database_tells_a_hanging_one_from_one_that_is_not_there(postgres):
    ready = str(postgres.programs / "pg_isready")
    probe = [ready, "--quiet", "--timeout=0", "--host=127.0.0.1", f"--port={postgres.port}"]
    assert answers(30, *probe) == 0
    with postgres.hanging():
        assert answers(1, *probe) == 3
    postgres.stop()
    try:
        assert answers(30, *probe) == 1
    finally:
        postgres.start()


def test_a_web_process_that_takes_a_page_and_says_nothing_is_left_for_the_other(tmp_path):
    class Well(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, *arguments):
            pass

    with (
        socket.create_server(("127.0.0.1", 0), backlog=50) as mute,
        HTTPServer(("127.0.0.1", 0), Well) as well,
    ):
        Thread(target=well.serve_forever, daemon=True).start()
        web = [f"127.0.0.1:{port}" for port in (mute.getsockname()[1], well.server_port)]
        with nginx.running(tmp_path, web, patience="1s") as served:
            # Browsers are shared between both by chance, so one of these would meet the mute one.
            for _ in range(12):
                with urlopen(f"{served.url}/fit", timeout=60) as answer:
                    assert answer.read() == b"here"
            until(lambda: web[0] in served.access.read_text(), 10)
        well.shutdown()
    # Nothing but the connection that stays open for hours waits for so long.
    conf = (DEPLOY / "nginx.conf").read_text()
    (patient,) = re.findall(r"location ~ (\S+) \{[^}]*proxy_read_timeout 1h", conf)
    assert re.search(patient, "/_stcore/stream")
    assert not re.search(patient, "/_stcore/upload_file/1")


def test_images_are_pinned_to_what_docker_pulled(tmp_path):
    for name in ("compose.yaml", "Dockerfile"):
        shutil.copy(DEPLOY / name, tmp_path)
    (bin_ := tmp_path / "bin").mkdir()
    docker = bin_ / "docker"
    environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}

    def pin(script):
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        command = [sys.executable, DEPLOY / "pin.py", tmp_path]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def images():
        text = "".join((tmp_path / name).read_text() for name in ("compose.yaml", "Dockerfile"))
        return set(re.findall(r"(?m)^(?: *image: |FROM )(\S+)$", text))

    # A registry that is away changes nothing.
    before = images()
    assert before == {
        "mixture-explorer",
        "nginx:1.28-alpine",
        "postgres:17-alpine",
        "python:3.11-slim",
    }
    tells = f'[ "$1" = pull ] || echo "of@sha256:{"a" * 64}"'
    refused = pin(f'[ "$3" != postgres:17-alpine ] || exit 1; {tells}')
    assert refused.returncode == 1
    assert refused.stderr.endswith("failed; nothing was changed.\n")
    assert images() == before
    for digit in "ab":  # and again, when the tags mean others
        digest = f"sha256:{digit * 64}"
        assert pin(f'[ "$1" = pull ] || echo "of@{digest}"').returncode == 0
        pinned = {f"{name}@{digest}" for name in before if ":" in name}
        assert images() == {"mixture-explorer", *pinned}
        yaml.safe_load((tmp_path / "compose.yaml").read_text())
