"""Pages under AppTest: the real script in the real frame, with real workers and a real database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gmm_core import jobs
from pages.parts import pages

_BROWSER = "b" * 43  # the id that its cookie would bring
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jobs.JobService]:
    """The service that the pages use, on a database of its own."""
    database = tmp_path_factory.mktemp("views") / "runs.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMM_DATABASE", f"sqlite:///{database}")
        jobs.close_service()
        assert jobs.service().scheduler  # the workers are up
        yield jobs.service()
        jobs.close_service()


@pytest.fixture
def owner() -> str:
    """The browser in which `view` draws pages, as the store knows it."""
    return "browser:" + hashlib.sha256(_BROWSER.encode()).hexdigest()[:32]


@pytest.fixture
def view() -> Callable[..., AppTest]:
    """Return a function that draws a page: `view("fit", n_components=3)` sets the session."""

    def draw(name: str, query: dict[str, str] | None = None, **state: Any) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.switch_page(pages.entry(name).script)
        app.session_state["browser"] = _BROWSER
        for key, value in state.items():
            app.session_state[key] = value
        for key, value in (query or {}).items():
            app.query_params[key] = value
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        return app

    return draw


@pytest.fixture
def finished(service: jobs.JobService) -> Callable[..., AppTest]:
    """Return a function that waits for a page's run and draws the page again."""

    def waited(app: AppTest, slot: str = "map") -> AppTest:
        service.wait(app.session_state["runs"][slot], timeout=300)
        app.run()
        assert not app.exception, app.exception[0].stack_trace
        return app

    return waited
