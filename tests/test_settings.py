"""Settings: read from the environment, checked with a sentence, and listed for readers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from gmm_core import settings
from gmm_core.store import Store

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Begin without any variable of ours."""
    for name in [name for name in os.environ if name.startswith("GMM_")]:
        monkeypatch.delenv(name)


def test_the_page_of_settings_lists_each_with_its_words_and_default():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`GMM_\w+`) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == settings.table()
    assert len(rows) == len(settings.Settings.model_fields)


def test_variables_are_read_by_name(monkeypatch):
    monkeypatch.setenv("GMM_RUN_SECONDS", "2.5")
    monkeypatch.setenv("GMM_QUEUED_RUNS", "3")
    monkeypatch.setenv("GMM_WORKER_MEMORY", "1.5 GiB")
    monkeypatch.setenv("GMM_SCHEDULER", "tcp://host:8786")
    values = settings.read()
    assert (values.run_seconds, values.queued_runs, values.worker_memory, values.scheduler) == (
        2.5,
        3,
        "1.5 GiB",
        "tcp://host:8786",
    )
    assert values.database == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GMM_RUN_SECONDS", "soon", "GMM_RUN_SECONDS is 'soon', but a number was expected"),
        ("GMM_RUN_SECONDS", "nan", "GMM_RUN_SECONDS is '?nan'?, but"),
        ("GMM_QUEUED_RUNS", "-1", "GMM_QUEUED_RUNS is '-1', but 0 or more was expected"),
        ("GMM_WORKERS", "2.5", "GMM_WORKERS is '2.5', but a whole number was expected"),
        ("GMM_SCHEDULER", "host:8786", r"an address such as tcp://host:8786 \(.*\) was expected"),
        ("GMM_SCHEDULER", "http://host:8786", "'http://host:8786', but an address such as tcp://"),
        ("GMM_SCHEDULER", "tcp://host", "'tcp://host', but an address such as tcp://host:8786"),
        ("GMM_SCHEDULER", "tcp://:8786", "but an address such as tcp://host:8786"),
        ("GMM_SCHEDULER", "tcp://host:99999999", "port 1 to 65,535"),
        ("GMM_SCHEDULER", "tcp://host:8786/x", "but an address such as tcp://host:8786"),
        ("GMM_WORKER_MEMORY", "much", "an amount of memory of at least 1 GB"),
        ("GMM_WORKER_MEMORY", "999 MB", "an amount of memory of at least 1 GB"),
        ("GMM_WORKER_MEMORY", "1e400", "GMM_WORKER_MEMORY is '1e400', but an amount of memory"),
        ("GMM_KEEP_DAYS", "1000000", "'1000000', but 0 to 36,500 was expected"),
        ("GMM_KEEP_DAYS", "1e300", "'1e300', but 0 to 36,500 was expected"),
        ("GMM_LOG_LEVEL", "loud", "'loud', but 'DEBUG', 'INFO', 'WARNING' or 'ERROR' was expected"),
        ("GMM_LOG_FORMAT", "xml", "GMM_LOG_FORMAT is 'xml', but 'text' or 'json' was expected"),
        ("GMM_METRICS_PORT", "70000", "'70000', but 0 to 65,535 was expected"),
        ("GMM_METRICS_PORT", "-1", "'-1', but 0 or more was expected"),
        ("GMM_QUEUE_RUNS", "3", "GMM_QUEUE_RUNS is set, .* Did you mean GMM_QUEUED_RUNS?"),
        ("GMM_XYZZY", "3", "no such setting. Known are .*GMM_DATABASE"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_variables_name(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=words):
        settings.read()


@pytest.mark.parametrize(
    "address", ["tcp://host:8786", "tls://10.0.0.1:1", "tcp://[::1]:8786", "wss://host:65535"]
)
def test_addresses_of_schedulers_are_taken_in_every_form_that_dask_has(monkeypatch, address):
    monkeypatch.setenv("GMM_SCHEDULER", address)
    assert settings.read().scheduler == address


@pytest.mark.parametrize(
    "place",
    ["u:one@two@host/name", "u:one@two@host", "u:one@two/three@host:1/name", "u:one@tw:o@host/n"],
)
def test_an_at_in_a_password_is_refused_without_telling_the_password(monkeypatch, place):
    """The driver would look for a host named by the end of the password, and say so."""
    monkeypatch.setenv("GMM_DATABASE", f"postgresql+psycopg://{place}")
    with pytest.raises(ValueError, match="GMM_DATABASE .* %40") as refused:
        settings.read()
    text = "".join(traceback.format_exception(refused.value))
    assert not re.search("u:one|tw:?o|three", text)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:one%40two@host/name",
        "postgresql+psycopg://host/a@b",
        "postgresql+psycopg://u:p@host/name?application_name=a@b",
        "sqlite:////home/ann@host/a@b/runs.sqlite",
    ],
)
def test_an_at_elsewhere_is_no_matter(monkeypatch, url):
    monkeypatch.setenv("GMM_DATABASE", url)
    assert settings.read().database == url


def test_the_longest_that_runs_can_be_kept_is_a_time_that_dates_can_tell(monkeypatch, tmp_path):
    monkeypatch.setenv("GMM_KEEP_DAYS", "36500")
    store = Store(f"sqlite:///{tmp_path / 'runs.sqlite'}", keep_days=settings.read().keep_days)
    assert store.expire() == 0
    store.close()


def test_the_environment_can_be_checked_from_the_shell():
    command = [sys.executable, "-m", "gmm_core.settings"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GMM_KEEP_DAYS": "long"}
    wrong = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "GMM_KEEP_DAYS is 'long', but a number was expected" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    del environment["GMM_KEEP_DAYS"]
    assert subprocess.run(command, env=environment).returncode == 0
