"""No file takes the app down: each is read or refused in words, soon and in bounded memory.

`make fuzz` reads thousands; here stand some hundred and the large ones that take no time to build.
The files are read in a process of their own: one that dies there would have taken the page with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmm_core.data.reading import read_table

from . import corpus

ROOT = Path(__file__).parents[2]
FILES = int(os.environ.get("FUZZ_FILES", "0"))
SECONDS = 5.0
GROWTH = 1_500 * 1024**2
"""Bytes that reading may take on top of the file: 30 times the largest upload."""

QUICK = [
    "CSV of 10^5 columns",
    "CSV of 16,384 columns of one name",
    "CSV of spaces and quotes",
    "JSON 10^5 deep",
    "JSON lines 10^5 deep",
    "JSON of 10^5 columns",
    "Excel of entities",
    "Excel with many styles",
    "Excel with a long workbook",
    "Excel whose directory lies",
    "Parquet nested 10^5 deep",
    "Parquet with a page of 2 GB",
    "Parquet with a page of -1 bytes",
    "Parquet of 10^4 row groups",
]


def read_in_a_process(*arguments: str, limit: float = 1200) -> list[dict]:
    """Give a child the files, and return what it said of each."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.child", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    lines = [json.loads(line) for line in child.stdout.splitlines()]
    last = lines[-1]["name"] if lines else "the first file"
    assert child.returncode == 0, f"died of {last}: exit {child.returncode}\n{child.stderr[-2000:]}"
    return [line for line in lines if "outcome" in line]


def faults(answers: list[dict]) -> list[str]:
    """Name what is wrong with each answer."""
    sentences = []
    for one in answers:
        if one["outcome"] == "crashed":
            sentences.append(f"{one['name']}: {one['said']}")
        if one["outcome"] == "refused" and (wrong := not_a_sentence(one["said"])):
            sentences.append(f"{one['name']}: {wrong}: {one['said'][:200]!r}")
        if one["seconds"] > SECONDS:
            sentences.append(f"{one['name']}: took {one['seconds']:.1f} s")
        if one["grown"] > GROWTH:
            sentences.append(f"{one['name']}: took {one['grown'] / 1024**2:.0f} MB")
    return sentences


def not_a_sentence(text: str) -> str:
    """Say why a message is none that a person could use, or nothing."""
    if not 20 <= len(text) <= 1500:
        return "too short or too long"
    if not text.rstrip().endswith((".", ")")):
        return "does not end"
    if "Traceback" in text or 'File "' in text or "\n" in text or " object at 0x" in text:
        return "speaks of the program"
    if any(word in text for word in ("Error:", "Exception", "errno", "pyarrow", "openpyxl")):
        return "speaks of the program"
    return ""


def test_small_broken_files_are_read_or_refused_in_words():
    answers = read_in_a_process("seeded", "0", str(FILES or 350))
    assert len(answers) == (FILES or 350)
    assert {one["outcome"] for one in answers} >= {"read", "refused"}
    assert faults(answers) == []


@pytest.mark.timeout(1200)
def test_large_hostile_files_are_answered_soon_in_bounded_memory():
    names = list(corpus.HEAVY) if FILES else QUICK
    answers = read_in_a_process("heavy", *names)
    assert [one["name"] for one in answers] == [n for n in corpus.HEAVY if n in names]
    assert faults(answers) == []


def test_a_fault_is_found():
    good = {"name": "x", "outcome": "refused", "seconds": 0.1, "grown": 0}
    good["said"] = "The file is empty, but a table was expected. Choose another one."
    assert faults([good]) == []
    for bad in (
        {"outcome": "crashed", "said": "KeyError: 'a'"},
        {"seconds": 5.1},
        {"grown": GROWTH + 1},
        {"said": "list index out of range"},
        {"said": "The file is wrong.\nTraceback (most recent call last)."},
        {"said": "ArrowInvalid Error: the CSV parser got out of sync."},
    ):
        assert len(faults([good | bad])) == 1, bad


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=12,
    )
)
@settings(max_examples=1500 if FILES else 150, deadline=None, derandomize=True)
def test_any_json_is_read_or_refused_in_words(value):
    content = json.dumps(value).encode()
    try:
        read_table(content)
    except ValueError as error:
        assert not not_a_sentence(str(error)), str(error)


@given(
    st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|", " ", ""]),
    st.sampled_from(["\n", "\r\n", "\r", "\x0b", "\n\n"]),
)
@settings(
    max_examples=1500 if FILES else 150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_any_text_is_read_or_refused_in_words(rows, delimiter, ending):
    content = ending.join(delimiter.join(row) for row in rows).encode("utf-8", "replace")
    try:
        read_table(content)
    except ValueError as error:
        assert not not_a_sentence(str(error)), str(error)
