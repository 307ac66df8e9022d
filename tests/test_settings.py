"""Settings: read from the environment, checked with a sentence, and all listed in the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gmm_core import settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Begin without any variable of ours."""
    for name in [name for name in os.environ if name.startswith("GMM_")]:
        monkeypatch.delenv(name)


def test_readme_lists_every_setting_with_its_words_and_default():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`GMM_\w+`) \| (.*) \| (.*) \|$", readme, re.MULTILINE)
    assert rows == settings.table()
    assert len(rows) == len(settings.Settings.model_fields)


def test_variables_are_read_by_name(monkeypatch):
    monkeypatch.setenv("GMM_RUN_SECONDS", "2.5")
    monkeypatch.setenv("GMM_QUEUED_RUNS", "3")
    monkeypatch.setenv("GMM_WORKER_MEMORY", "1.5 GiB")
    monkeypatch.setenv("GMM_SCHEDULER", "tcp://host:8786")
    found = settings.read()
    assert (found.run_seconds, found.queued_runs, found.worker_memory, found.scheduler) == (
        2.5,
        3,
        "1.5 GiB",
        "tcp://host:8786",
    )
    assert found.database == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GMM_RUN_SECONDS", "soon", "GMM_RUN_SECONDS is 'soon', but a number was expected"),
        ("GMM_RUN_SECONDS", "nan", "GMM_RUN_SECONDS is '?nan'?, but"),
        ("GMM_QUEUED_RUNS", "-1", "GMM_QUEUED_RUNS is '-1', but 0 or more was expected"),
        ("GMM_WORKERS", "2.5", "GMM_WORKERS is '2.5', but a whole number was expected"),
        ("GMM_SCHEDULER", "host:8786", "an address such as tcp://host:8786 was expected"),
        ("GMM_WORKER_MEMORY", "much", "an amount of memory of at least 256 MiB"),
        ("GMM_WORKER_MEMORY", "1 MiB", "an amount of memory of at least 256 MiB"),
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


def test_the_environment_can_be_checked_from_the_shell():
    command = [sys.executable, "-m", "gmm_core.settings"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GMM_KEEP_DAYS": "long"}
    wrong = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "GMM_KEEP_DAYS is 'long', but a number was expected" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    del environment["GMM_KEEP_DAYS"]
    assert subprocess.run(command, env=environment).returncode == 0
