"""The head of a page: its name, Share and Export, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from gmm_core.jobs import service
from gmm_core.runs import kinds
from gmm_core.words import sampled
from gmm_core.words.segments import Segment
from pages.parts import layout, pages, text, verify
from pages.parts.platform.streamlit_internals import DeltaGenerator
from pages.parts.stream.live import View

# File name -> (MIME type, the function that writes it from the run's result). The server keeps the
# functions for as long as the page is open: they hold no result, which is fetched as a file is
# asked for, and they may ask nothing of the session then.
Write = Callable[[Any], str | bytes]
Exports = Mapping[str, tuple[str, Write]]


def show(
    page: str,
    answer: list[Segment],
    view: View | None = None,
    exports: Exports | None = None,
    part: str = "",
    load: Callable[[], Any] | None = None,
    place: DeltaGenerator | None = None,
    room: str = "",
) -> None:
    """Draw the head of a page; Share and Export only when there is a run.

    Parameters
    ----------
    place : where Share and Export go; behind the head when None.
    page : its name in the registry of pages.
    part : what of the run is shown and saved, for the files' names; "" for the whole.
    room : of the answer, once it is there; see `text.answer`.
    load : fetches the result that files are written from; None for that of the view's run.
    """
    st.title(pages.entry(page).title, anchor=False)
    if view is not None and view.error:
        st.error(text.plain(view.error))
    state = st.session_state
    problem = state.get("link_error") or state.get("data_problem") or state.get("prior_problem")
    if problem:
        st.warning(text.plain(problem))
    text.answer(answer, room)
    announce(view, answer)
    if view is not None and view.run_id is not None:
        with layout.actions() if place is None else place:
            with st.popover("Share"):
                st.caption("Whoever opens this link sees this run.")
                st.code(link(view.run_id, page), language=None, wrap_lines=True)
                done = view.status is not None and view.status.state == "done"
                if done and not kinds.named(view.status.kind).leaves_files:
                    verify.panel(view.run_id)
            files = {**(exports or {}), **run_files(view, answer)}
            of = f"{view.run_id[:8]}-{part}-" if part else f"{view.run_id[:8]}-"
            if files and view.result is not None:
                load = load or partial(service().result, view.run_id)
                with st.popover("Export"):
                    if missing := sampled.not_exported(view.spec.dataset):
                        st.caption(text.plain(missing))
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


_live_region = st.components.v2.component(
    "gmm_live_region",
    html="<span hidden></span>",
    js="""
    export default function ({ data }) {
      // The node around the answer stays while its content changes.
      const answer = document.querySelector(".stMain .gmm-answer")?.parentElement;
      answer?.setAttribute("role", "status");
      answer?.setAttribute("aria-busy", data.busy);
    }
    """,
    isolate_styles=False,
)


def announce(view: View | None, answer: list[Segment]) -> None:
    """Have screen readers told of a new answer: once a run has ended, not on its way."""
    sentence = "".join(segment.text for segment in answer)
    busy = view is not None and view.live
    with st.container(key="live_region"):
        _live_region(key="live_region_node", data={"said": sentence, "busy": busy})


def run_files(view: View, answer: list[Segment]) -> Exports:
    """Return the files that any run of its kind can be saved as, to be read without us."""
    spec, result = view.spec, view.result
    if spec is None or result is None:
        return {}
    from gmm_core.sharing import files

    def writing(file: files.File) -> Write:
        return lambda result: file.write(spec, result, answer)

    return {file.name: (file.mime, writing(file)) for file in files.of(spec, result)}


def _written(write: Write, load: Callable[[], Any]) -> str | bytes:
    return write(load())


def link(run_id: str, page: str) -> str:
    """Return the address that opens a run on a page, and shows of it what is shown now."""
    base = st.context.url or ""
    root = base.split("?")[0].rstrip("/")
    for listed in pages.PAGES:
        root = root.removesuffix(f"/{listed.name}")
    # What a person looks at stands in the address: widgets that change no run are bound to it.
    parameters = st.query_params
    view = {name: parameters.get_all(name) for name in parameters if name not in ("run", "data")}
    return f"{root}/{page}?{urlencode({'run': run_id, **view}, doseq=True)}"
