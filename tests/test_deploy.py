"""What stands in deploy/ fits together; the containers themselves are built elsewhere."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
import streamlit
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def lines(name):
    found = (ROOT / name).read_text().splitlines()
    return [line.strip() for line in found if line.strip() and not line.startswith("#")]


def test_locked_versions_are_in_the_ranges_of_the_requirements():
    locked = dict(line.split("==") for line in lines("requirements.lock"))
    wanted = [Requirement(line) for line in lines("requirements.txt")]
    assert len(locked) > len(wanted)
    for one in wanted:
        assert one.specifier.contains(locked[one.name]), one
    assert locked["torch"] == "2.13.0"  # without a label such as "+cpu"


def test_compose_has_two_web_processes_that_share_everything(compose):
    services = compose["services"]
    assert set(services) == {"nginx", "web1", "web2", "scheduler", "workers", "database"}
    assert services["web1"] == services["web2"]
    for name in ("web1", "workers"):
        said = services[name]["environment"]
        assert said["GMM_SCHEDULER"] == "tcp://scheduler:8786"
        assert said["GMM_DATABASE"].startswith("postgresql+psycopg://")
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
    said = (DEPLOY / "README.md").read_text()
    assert all(f"| `{name}` |" in said for name in used)


def test_everything_that_the_image_copies_is_there_and_is_sent():
    docker = (DEPLOY / "Dockerfile").read_text()
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [p for line in re.findall(r"(?m)^COPY (.+) \S+$", docker) for p in line.split()]
    assert {"app.py", "pages", "gmm_core", "requirements.lock"} <= set(copied)
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in sent
    assert re.search(r"(?m)^USER explorer$", docker)
    assert "HEALTHCHECK" in docker


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


def test_no_file_for_deployment_names_a_host_of_packages():
    for path in (ROOT / "requirements.lock", *(p for p in DEPLOY.iterdir() if p.is_file())):
        text = path.read_text()
        assert not re.search(r"https?://(?!127\.0\.0\.1|web;)", text), path
        assert "file:/" not in text


def test_the_content_policy_allows_the_script_in_streamlits_own_page_and_no_other():
    index = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    scripts = re.findall(r"(?s)<script>(.*?)</script>", index)
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
    conf = (DEPLOY / "nginx.conf").read_text()
    assert set(re.findall(r"'sha256-([^']+)'", conf)) == hashes
