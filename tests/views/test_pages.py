"""The registry of pages: whoever adds an entry and a script has added a page everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gmm_core import MapOptions, Mixture, Specification, example, jobs
from pages.parts import pages

ROOT = Path(__file__).parents[2]
SCRIPT = """
import streamlit as st

from gmm_core.words import Segment
from pages.parts import frame, header, session, specifications
from pages.parts.stream import live


def body():
    view = live.view("map", specifications.fit)
    header.show("mine", [Segment(f"K is {session.mixture().n_components}.")], view)
    return []


frame.require()
live.page(body)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pages.Page:
    """A page of the test's own, which shows fits from now on in place of the Fit page."""
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    page = pages.Page("mine", "My own", kinds=("map",), path=str(path))
    monkeypatch.setattr(pages, "PAGES", [page, *pages.PAGES])
    return page


def text(app: AppTest) -> str:
    return " ".join(e.value for kind in ("title", "caption", "error") for e in app.get(kind)) + str(
        [e.proto.body for e in app.get("html")]
    )


def test_every_script_of_the_folder_is_an_entry_and_every_entry_a_script():
    scripts = {f"pages/views/{path.name}" for path in (ROOT / "pages" / "views").glob("*.py")}
    assert {page.script for page in pages.PAGES} == scripts
    assert len({page.name for page in pages.PAGES}) == len(pages.PAGES)


def test_each_kind_of_run_has_at_most_one_page():
    shown = [kind for page in pages.PAGES for kind in page.kinds]
    assert len(set(shown)) == len(shown)


def test_a_kind_without_a_page_is_shown_among_the_runs():
    assert pages.showing("nobody's").name == "runs"


def test_a_page_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ValueError, match=r'no page "fits".* fit, data'):
        pages.entry("fits")


def test_new_page_is_in_the_navigation_and_opens_links_to_its_kind_of_run(
    mine: pages.Page, view: Callable[..., AppTest], service: jobs.JobService, owner: str
):
    spec = Specification(
        dataset=example("tutorial"),
        mixture=Mixture(n_components=3),
        options=MapOptions(restarts=2, steps=5),
    )
    service.submit(spec, owner)
    service.wait(spec.id, timeout=60)
    # From its own address, from the page that showed such runs before, and from the list of runs.
    for page in ("mine", "membership"):
        app = view(page, query={"run": spec.id})
        assert "My own" in text(app)
        assert "K is 3." in text(app)
        assert f"/mine?run={spec.id}" in app.code[0].value
    listed = view("runs")
    assert any(f"/mine?run={spec.id}" in code.value for code in listed.code)
    listed.button(key=f"open_{spec.id}").click().run()
    assert "K is 3." in text(listed)
