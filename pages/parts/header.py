"""The head of a page: its name, Share and Export, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from gmm_core.jobs import service
from gmm_core.results import MapFit
from gmm_core.words import Segment
from pages.parts import text, verify
from pages.parts.live import View

# File name -> (MIME type, the function that writes it from the run's result). The server keeps the
# functions for as long as the page is open: they hold no result, which is fetched as a file is
# asked for, and they may ask nothing of the session then.
Write = Callable[[Any], str | bytes]
Exports = Mapping[str, tuple[str, Write]]

PAGES = ("fit", "data", "membership", "posterior", "compare", "runs", "tour")


def show(
    title: str,
    answer: list[Segment],
    view: View | None = None,
    exports: Exports | None = None,
    part: str = "",
    load: Callable[[], Any] | None = None,
) -> None:
    """Draw the head of a page; Share and Export only when there is a run.

    Parameters
    ----------
    part : what of the run is shown and saved, for the files' names; "" for the whole.
    load : fetches the result that files are written from; None for that of the view's run.
    """
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.title(title, anchor=False)
    if view is not None and view.run_id is not None:
        with right.container(horizontal=True, horizontal_alignment="right"):
            with st.popover("Share"):
                st.caption("Whoever opens this link sees this run.")
                st.code(link(view.run_id, title), language=None, wrap_lines=True)
                if view.status is not None and view.status.state == "done":
                    verify.panel(view.run_id)
            files = {**(exports or {}), **run_files(view, answer)}
            of = f"{view.run_id[:8]}-{part}-" if part else f"{view.run_id[:8]}-"
            if files and view.result is not None:
                load = load or partial(service().result, view.run_id)
                with st.popover("Export"):
                    for name, (mime, write) in files.items():
                        st.download_button(
                            name,
                            data=partial(_written, write, load),
                            file_name=of + name,
                            mime=mime,
                            key=f"export_{name}",
                            on_click="ignore",
                            width="stretch",
                        )
    if view is not None and view.error:
        st.error(text.plain(view.error))
    if problem := st.session_state.get("link_error"):
        st.warning(text.plain(problem))
    text.answer(answer)


def run_files(view: View, answer: list[Segment]) -> Exports:
    """Return the files that any run of its kind can be saved as, to be read without us."""
    spec, result = view.spec, view.result
    if spec is None or result is None or spec.kind not in ("map", "guide", "posterior"):
        return {}
    from gmm_core.export import data_csv
    from gmm_core.netcdf import draws_netcdf
    from gmm_core.report import report
    from gmm_core.script import pyro_notebook, pyro_script

    is_fit = spec.kind == "map"
    if is_fit and not _has_begun_and_ended(result):
        return {}
    files: dict[str, tuple[str, Write]] = {
        "script.py": ("text/x-python", lambda found: pyro_script(spec, found if is_fit else None)),
        "notebook.ipynb": (
            "application/x-ipynb+json",
            lambda found: pyro_notebook(spec, found if is_fit else None),
        ),
        "data.csv": ("text/csv", lambda _: data_csv(spec.dataset)),
    }
    if spec.kind == "posterior":
        files["draws.nc"] = ("application/x-netcdf", lambda found: draws_netcdf(spec, found))
    if spec.kind != "guide":
        files["report.html"] = ("text/html", lambda found: report(spec, found, answer))
    return files


def _written(write: Write, load: Callable[[], Any]) -> str | bytes:
    return write(load())


def _has_begun_and_ended(fit: MapFit) -> bool:
    """Whether the way of the shown start is known from its beginning to a place."""
    steps, _ = fit.trajectory
    return int(steps[0]) == 0 and fit.verdict[fit.chosen] not in ("failed", "untrained")


def link(run_id: str, page: str) -> str:
    """Return the address that opens a run, and shows of it what is shown now."""
    base = st.context.url or ""
    root = base.split("?")[0].rstrip("/")
    for name in PAGES:
        root = root.removesuffix(f"/{name}")
    # What a person looks at stands in the address: widgets that change no run are bound to it.
    given = st.query_params
    view = {name: given.get_all(name) for name in given if name != "run"}
    return f"{root}/{page.lower()}?{urlencode({'run': run_id, **view}, doseq=True)}"
