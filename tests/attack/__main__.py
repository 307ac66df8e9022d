"""Try everything again on apps that are started for it, and write the report: `make attack`.

The program is copied to a fresh folder, whose name has a space and an umlaut, and is run there
without a language in its environment. Each test starts what it attacks, with a database of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from load.report import machine

from .rows import MENDED, WITHSTOOD, Row

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".git", ".venv", ".*_cache", ".hypothesis", ".benchmarks", "*.egg-info", "build")
SECONDS = 3 * 3600


def selected(rows: Iterable[Row]) -> list[str]:
    """Return what pytest is to run, each test once."""
    tests = {}
    for row in rows:
        for file, names in row.tests.items():
            tests |= {_test(file, name): None for name in names.split()}
    return [one for one in tests if "::" not in one or one.partition("::")[0] not in tests]


def _test(file: str, name: str) -> str:
    return f"tests/{file}" if name == "*" else f"tests/{file}::{name}"


def run(tests: list[str], folder: Path) -> dict[str, list[bool]]:
    """Run tests on a copy of the program, and return how the cases of each ended."""
    copy, report = folder / "Frisch für alle", folder / "report.xml"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    own = {
        name: value
        for name, value in os.environ.items()
        if name != "LANG" and not name.startswith(("LC_", "GMM_", "PYTEST_"))
    }
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--numprocesses", "2"),
            *("-o", "junit_family=xunit1", f"--junitxml={report}", *tests),
        ],
        cwd=copy,
        env=own | {"KILL_ROUNDS": own.get("KILL_ROUNDS", "3")},
        timeout=SECONDS,
        check=False,
    )
    ended: dict[str, list[bool]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('file')}::{str(case.get('name')).partition('[')[0]}"
        bad = any(case.find(what) is not None for what in ("failure", "error", "skipped"))
        ended.setdefault(name, []).append(not bad)
    return ended


def outcome(row: Row, ended: Mapping[str, list[bool]]) -> tuple[int, list[str]]:
    """Return how many attacks of a row were tried, and the tests of it that do not hold."""
    cases, bad = 0, []
    for file, names in row.tests.items():
        for name in names.split():
            test = _test(file, name)
            cases_of_test = {
                t: ends for t, ends in ended.items() if t == test or t.startswith(f"{test}::")
            }
            if not cases_of_test:
                bad.append(f"{test} was not run")
            cases += sum(map(len, cases_of_test.values()))
            bad += [t for t, ends in cases_of_test.items() if not all(ends)]
    return cases, bad


def text(ended: Mapping[str, list[bool]], where: str) -> str:
    """Return the report as markdown."""
    failed: list[str] = []

    def table(rows: Iterable[Row]) -> list[str]:
        lines = ["| | tried | what is seen | tests | |", "|---|---|---|---|---|"]
        for i, row in enumerate(rows, 1):
            cases, bad = outcome(row, ended)
            failed.extend(bad)
            holds = "**does not hold**" if bad else "holds"
            lines.append(f"| {i} | {row.tried} | {row.holds} | {cases} | {holds} |")
        return lines

    mended, withstood = table(MENDED), table(WITHSTOOD)
    return "\n".join(
        [
            "# Under attack",
            "",
            "`make attack` wrote this: everything below was tried again, on apps that were started "
            "for it from a fresh copy of the program, each with a database of its own. "
            "`tests/attack/rows.py` says which tests try what; `make test` runs them too.",
            "",
            f"On {where}.",
            "",
            "## What once worked",
            "",
            *mended,
            "",
            "## What withstood from the beginning",
            "",
            *withstood,
            *(["", "## What does not hold", "", *(f"- {one}" for one in failed)] if failed else []),
            "",
        ]
    )


def main() -> int:
    """Try, write the report to the path given, and return how many rows do not hold."""
    rows = (*MENDED, *WITHSTOOD)
    with tempfile.TemporaryDirectory() as name:
        ended = run(selected(rows), Path(name))
    report = text(ended, machine())
    Path(sys.argv[1]).write_text(report)
    print(report)
    return sum(bool(outcome(row, ended)[1]) for row in rows)


if __name__ == "__main__":
    sys.exit(bool(main()))
