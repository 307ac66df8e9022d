"""The log: every line can be read by a machine, each end is there once, and nothing private is."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_jobs import until

from gmm_core import log
from gmm_core.jobs import JobService

ROOT = Path(__file__).parents[1]
ANN = "ann@example.org"

# A web process: it logs, runs what a line says, and says the run's id.
WEB = """
import sys, warnings
import gmm_core as gmm
from gmm_core import log
from gmm_core.jobs import JobService

def spec(steps):
    data = gmm.Dataset.from_values([1.5, 2.5, 4.75], columns=["salary"], name="my secret title")
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

    def __init__(self, folder, name, url, **settings):
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
                env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
            )

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def events(self, run_id):
        # What is killed leaves a line of Python's own behind.
        own = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        lines = [json.loads(line) for line in own]
        return [line for line in lines if line.get("run") == run_id]


@pytest.fixture
def web(tmp_path):
    with contextlib.ExitStack() as stack:

        def started(name, url, **settings):
            one = Web(tmp_path, name, url, **settings)
            stack.enter_context(one.process)
            stack.callback(one.process.kill)
            return one

        yield started


def test_a_run_makes_three_lines_of_json_without_anything_private(web, tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    one = web("one", url, GMM_LOG_FORMAT="json")
    run_id = one.ask("wait 30")
    until(lambda: len(one.events(run_id)) >= 3)
    cut_short = one.ask("submit 20000")
    one.process.communicate(timeout=60)  # a server that ends tells of what it stopped
    assert one.process.returncode == 0

    submitted, started, ended = one.events(run_id)
    assert [line["event"] for line in (submitted, started, ended)] == [
        "submitted",
        "started",
        "ended",
    ]
    for line in (submitted, started, ended):
        assert (line["kind"], line["engine"], line["attempts"]) == ("map", "pyro", 1)
        assert line["person"] == log.person(ANN)
        assert line["level"] == "INFO"
    assert submitted["at"] <= started["at"] <= ended["at"]
    assert ended["outcome"] == "done"
    with JobService(database=url, n_workers=1) as service:
        assert ended["seconds"] == pytest.approx(service.store.state(run_id).seconds, abs=1e-3)
    assert ended["waited"] == started["waited"] >= 0
    ends = [line for line in one.events(cut_short) if line["event"] == "ended"]
    assert [line["outcome"] for line in ends] == ["failed"]

    text = one.log.read_text()
    for private in (ANN, "salary", "secret", "4.75"):
        assert private not in text
    # A warning of some library is one line too.
    lines = [json.loads(line) for line in text.splitlines()]
    (said,) = [line for line in lines if "second line" in line["message"]]
    assert (said["level"], said["logger"]) == ("WARNING", "py.warnings")
    # Dask's own lines about each of its connections are left out.
    assert {line["level"] for line in lines if line["logger"].startswith("distributed")} <= {
        "WARNING",
        "ERROR",
    }


def test_an_end_is_logged_once_by_two_that_watch_and_when_one_of_them_dies(web, tmp_path, postgres):
    url = postgres.new_database()
    webs = [web(name, url, GMM_LOG_FORMAT="json") for name in ("one", "other")]
    done = webs[0].ask("wait 30")
    assert webs[1].ask("wait 30") == done  # shared
    lost = webs[0].ask("submit 20000")
    until(lambda: any(line["event"] == "started" for line in webs[0].events(lost)))
    assert webs[1].ask("watch 20000") == lost
    webs[0].process.kill()
    webs[0].process.wait()
    assert webs[1].process.stdout.readline() == "ended\n"  # the other one found that it is lost

    def ends(run_id):
        lines = [line for one in webs for line in one.events(run_id)]
        return [line["outcome"] for line in lines if line["event"] == "ended"]

    webs[1].process.communicate(timeout=60)
    assert ends(done) == ["done"]
    assert ends(lost) == ["failed"]


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


def test_a_persons_hash_is_neither_the_address_nor_the_cookie_nor_what_the_store_keeps():
    owner = "browser:0123456789abcdef0123456789abcdef"
    assert log.person(owner) == log.person(owner) != log.person(ANN)
    assert log.person(owner) not in owner
    assert len(log.person(owner)) == 16
    assert log.person("") == ""
