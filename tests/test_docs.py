"""What the pages for readers point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PAGES = [
    *(TOP / name for name in ("README.md", "CONTRIBUTING.md", "deploy/README.md")),
    *sorted((TOP / "docs").glob("*.md")),
]
# The first part of a path from the repository's root, as it stands between back quotes.
ROOTS = {path.name for path in TOP.iterdir() if path.is_dir() and not path.name.startswith(".")}
MADE = {"deploy/.env", "pages/views/mine.py"}  # by the reader


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_and_paths_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = {target.partition("#")[0] for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)}
    assert not {target for target in links if target and not (page.parent / target).exists()}
    paths = set(re.findall(r"`([\w./]+/[\w./]*)`", text))
    inside = {path for path in paths if path.split("/")[0] in ROOTS and path not in MADE}
    assert not {path for path in inside if not (TOP / path).exists()}
