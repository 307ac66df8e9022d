"""Every attack of the list has tests that are there, and the report says which hold."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from attack.__main__ import outcome, run, selected, text
from attack.rows import MENDED, WITHSTOOD

TESTS = Path(__file__).parent
ROWS = [*MENDED, *WITHSTOOD]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.tried[:30])
def test_each_attack_is_tried_by_tests_that_are_there(row):
    for file, names in row.tests.items():
        tree = ast.parse((TESTS / file).read_text())
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert names == "*" or set(names.split()) <= defined, file


def test_what_fails_or_was_not_run_does_not_hold():
    row = MENDED[1]
    ended = {test: [True, True] for test in selected([row])}
    assert outcome(row, ended) == (2 * len(ended), [])
    first, *others = ended
    assert outcome(row, ended | {first: [True, False]})[1] == [first]
    assert outcome(row, {one: [True] for one in others})[1] == [f"{first} was not run"]
    assert f"| 2 | {row.tried} | {row.holds} | {len(ended)} | holds |" in text(
        {test: [True] for test in ended}, "a machine"
    )


def test_a_report_is_made_of_what_was_run(tmp_path):
    """In a folder with a space and an umlaut, by a process of its own."""
    ended = run(["tests/data/test_typed.py::test_signs_are_those_of_files"], tmp_path)
    assert ended == {"tests/data/test_typed.py::test_signs_are_those_of_files": [True]}


def test_a_file_is_run_once_whoever_names_it():
    tests = selected(ROWS)
    assert len(tests) == len(set(tests))
    assert "tests/test_deploy.py" in tests
    assert not [one for one in tests if one.startswith("tests/test_deploy.py::")]
