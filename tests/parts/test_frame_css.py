"""Colours that the style sheet has to say again, since Streamlit hands no name of them out."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_edges_of_a_scrolling_table_fade_into_the_page_in_both_themes():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    css = (ROOT / "pages" / "parts" / "frame.css").read_text()
    match = re.search(r"\.gmm-scroll \{ --page: light-dark\((#\w+), (#\w+)\)", css)
    assert match is not None
    assert match.groups() == tuple(
        theme[mode]["backgroundColor"].lower() for mode in ("light", "dark")
    )
