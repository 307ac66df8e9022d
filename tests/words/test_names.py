"""One name for one thing: no sentence on screen uses a name that docs/words.md has turned down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = ["gmm_core/words", "gmm_core/figures", "pages"]
_IDENTIFIER = re.compile(r"[\w.:*\[\]=%-]*")


def turned_down() -> dict[str, str]:
    """Return each name that is not for the screen, with the one that is."""
    table = (ROOT / "docs" / "words.md").read_text().split("## Not on screen")[1]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {name.strip(): use for names, use in rows[1:] for name in names.split(",")}


def sentences(source: str) -> Iterator[str]:
    """Give all text of a module that may be shown: no docstring, no name in the code."""
    tree = ast.parse(source)
    quiet = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in quiet
            and not _IDENTIFIER.fullmatch(node.value)
        ):
            yield node.value


@pytest.mark.parametrize("folder", SHOWN)
def test_no_sentence_on_screen_uses_a_name_that_was_turned_down(folder):
    names = turned_down()
    assert len(names) > 10
    listed = "|".join(map(re.escape, names))
    banned = re.compile(rf"(?<![\w.\\{{-])({listed})(?![\w}}=-])", re.IGNORECASE)
    faults = [
        f"{file.relative_to(ROOT)}: “{sentence}” says {hit[0]!r}; say {names[hit[0].lower()]!r}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for sentence in sentences(file.read_text())
        if (hit := banned.search(re.sub(r"\$[^$]*\$", "", sentence)))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Tied."""\nx = f"a {n} tied fit"', ["a … tied fit"]),
        ('def f():\n    """A restart."""\n    return "start" + "two starts"', ["two starts"]),
    ],
)
def test_sentences_are_what_is_shown(source, expected):
    assert [s for s in sentences(source) if " " in s.strip()][: len(expected)] == expected
