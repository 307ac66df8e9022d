"""The log: every line can be read by a machine, each end is there once, and nothing private is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from processes import until

from gmm_core import log
from gmm_core.store import Store

ROOT = Path(__file__).parents[1]
ANN = "ann@example.org"

# A web process: it logs, runs what a line says, and says the run's id.
WEB = """
import sys, warnings
import gmm_core as gmm
from gmm_core import log
from gmm_core.jobs import JobService

def spec(steps):
    data = gmm.Dataset.from_values([1.5, 2.5, 87.4321], columns=["salary"], name="my secret title")
    return gmm.Specification(dataset=data, mixture=gmm.Mixture(), engine="pyro",
                             options=gmm.MapOptions(restarts=2, steps=int(steps)))

if __name__ == "__main__":
    log.setup_from_environment()
    with JobService(database=sys.argv[1], n_workers=1) as service:
        warnings.warn("with\\na second line")
        for line in sys.stdin:
            word, steps = line.split()
            run_id = service.submit(spec(steps), "ann@example.org")
            if word == "wait":
                assert service.wait(run_id, 200).state == "done"
            print(run_id, flush=True)
            if word == "watch":
                service.wait(run_id)
                print("ended", flush=True)
"""


class Web:
    """A web process whose log goes to a file."""

    def __init__(self, folder, name, url):
        self.log = folder / f"{name}.log"
        script = folder / "web.py"
        script.write_text(WEB)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(script), url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                env=os.environ | {"PYTHONPATH": str(ROOT), "GMM_LOG_FORMAT": "json"},
            )

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def events(self, run_id, event=""):
        # What is killed leaves a line of Python's own behind.
        own = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        lines = [json.loads(line) for line in own]
        return [x for x in lines if x.get("run") == run_id and event in x["event"]]


@pytest.fixture(scope="module")
def logged(tmp_path_factory, postgres):
    """The logs of two web processes on one database, of which one is killed; and their runs."""
    folder, url = tmp_path_factory.mktemp("logs"), postgres.new_database()
    one, other = webs = [Web(folder, name, url) for name in ("one", "other")]
    try:
        done = one.ask("wait 30")
        assert other.ask("wait 30") == done  # shared
        orphan = one.ask("submit 6000")
        until(lambda: one.events(orphan, "started") + other.events(orphan, "started"))
        assert other.ask("watch 6000") == orphan
        one.process.kill()
        one.process.communicate()
        assert other.process.stdout.readline() == "ended\n"  # whoever had it
        cut_short = other.ask("submit 19999")
        other.process.communicate(timeout=60)
        assert other.process.returncode == 0
    finally:
        for web in webs:
            web.process.kill()
            web.process.wait()
    with Store(url) as store:
        yield SimpleNamespace(
            webs=webs,
            other=other,
            runs={run.id: run for run in store.runs()},
            done=done,
            lost=orphan,
            cut_short=cut_short,
            events=lambda run_id, event="": [x for w in webs for x in w.events(run_id, event)],
        )


def test_a_run_makes_three_lines_that_say_who_what_how_long_and_how_it_ended(logged):
    lines = sorted(logged.events(logged.done), key=lambda line: line["at"])
    assert [line["event"] for line in lines] == ["submitted", "started", "ended"]
    for line in lines:
        assert (line["kind"], line["engine"], line["attempts"]) == ("map", "pyro", 1)
        assert line["person"] == log.person(ANN)
        assert (line["level"], line["logger"]) == ("INFO", "gmm_core.runs")
    _, started, ended = lines
    run = logged.runs[logged.done]
    assert ended["outcome"] == "done"
    assert ended["seconds"] == pytest.approx(run.seconds, abs=1e-3)
    waited = (run.started - run.created).total_seconds()
    assert ended["waited"] == started["waited"] == pytest.approx(waited, abs=1e-3)


def test_an_end_is_logged_once_by_two_that_watch_when_one_dies_and_when_a_server_ends(logged):
    # The other one went on with what the killed one had; nobody is left for what that one has.
    for run_id, outcome in (
        (logged.done, "done"),
        (logged.lost, "done"),
        (logged.cut_short, "failed"),
    ):
        assert [line["outcome"] for line in logged.events(run_id, "ended")] == [outcome]
        assert len(logged.events(run_id, "submitted")) == 1
    assert logged.other.events(logged.lost, "ended")


def test_every_line_is_json_and_none_has_anything_private(logged):
    lines = [json.loads(line) for line in logged.other.log.read_text().splitlines()]
    text = str([web.log.read_text() for web in logged.webs])
    for private in (ANN, "salary", "secret", "87.4321"):
        assert private not in text
    # A warning of some library is one line too.
    (warning,) = [line for line in lines if "second line" in line["message"]]
    assert (warning["level"], warning["logger"]) == ("WARNING", "py.warnings")
    # Dask's own lines about each of its connections are left out.
    assert {line["level"] for line in lines if line["logger"].startswith("distributed")} <= {
        "WARNING",
        "ERROR",
    }


def written(form, level, code):
    """What a process writes that logs an event and then runs the code."""
    script = f"""
import logging, sys
from datetime import UTC, datetime
from gmm_core import log
from gmm_core.store import Event
log.setup("ERROR", "json")
log.setup({level!r}, {form!r})  # once more changes it, and doubles nothing
log.happened(Event("ended", "a" * 32, "map", "pyro", {ANN!r}, "done", 1.23456, 0.5, 2,
                   datetime(2026, 1, 2, tzinfo=UTC)))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_text_is_for_people():
    (line,) = written("text", "INFO", "")
    assert line.endswith(
        f"INFO gmm_core.runs: Run {'a' * 32} ended: person {log.person(ANN)}, kind map, engine "
        "pyro, attempts 2, waited 0.5, outcome done, seconds 1.235."
    )


def test_the_level_holds_and_others_are_heard_from_warnings_on():
    code = (
        "logging.getLogger('gmm_core.store').warning('ours')\n"
        "logging.getLogger('distributed.scheduler').warning('theirs')\n"
        "logging.getLogger('distributed.scheduler').info('chatter')\n"
    )
    lines = written("json", "WARNING", code)
    assert [json.loads(line)["message"] for line in lines] == ["ours", "theirs"]


def test_an_error_with_its_traceback_is_one_line_of_json():
    code = "try: 1 / 0\nexcept Exception: logging.getLogger('gmm_core.x').exception('It failed.')"
    first, second = written("json", "INFO", code)
    assert json.loads(first)["outcome"] == "done"
    failed = json.loads(second)
    assert (failed["level"], failed["message"]) == ("ERROR", "It failed.")
    assert "ZeroDivisionError" in failed["exc_info"]


def test_what_asyncio_says_without_end_is_told_once_in_a_while():
    code = (
        "for i in range(1000): logging.getLogger('asyncio').error("
        "f'socket.accept() out of system resource\\nsocket {i}')\n"
        "logging.getLogger('asyncio').error('another')\n"
        "for i in range(3): logging.getLogger('gmm_core.x').error('ours')\n"
    )
    lines = [json.loads(line)["message"] for line in written("json", "INFO", code)[1:]]
    assert lines == ["socket.accept() out of system resource\nsocket 0", "another", *["ours"] * 3]


def test_a_persons_hash_is_neither_the_address_nor_the_cookie_nor_what_the_store_keeps():
    owner = "browser:0123456789abcdef0123456789abcdef"
    assert log.person(owner) == log.person(owner) != log.person(ANN)
    assert log.person(owner) not in owner
    assert len(log.person(owner)) == 16
    assert log.person("") == ""
