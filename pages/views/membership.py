"""The Membership page: which point belongs where, how surely, and where that changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from gmm_core import export
from gmm_core.dataset import Dataset
from gmm_core.figures import membership as figures
from gmm_core.figures.style import MINUS, number, percent
from gmm_core.jobs import service
from gmm_core.membership import (
    inner_boundaries,
    largest_difference,
    map_loss,
    match_columns,
    overview,
    parse_values,
    zoom_width,
)
from gmm_core.mixture import Parameters, responsibilities
from gmm_core.options import GuideOptions
from gmm_core.reading import read_table
from gmm_core.results import GuideFit, Posterior
from gmm_core.scoring import Score, aligned, score
from gmm_core.specification import Specification
from gmm_core.words import Segment, count
from gmm_core.words_membership import (
    guide_answer,
    guide_verdict,
    membership_answer,
    score_answer,
)
from pages.parts import controls, figure, frame, header, live, session, text

_KEEP = "session"
_ROWS = 200  # of a table on the page; its download has them all
_WIDE = 6  # columns and components that a table on the page shows


def body() -> list[live.View]:
    """Draw the page from top to bottom."""
    point = learned()
    if point is None:
        return waiting()
    data = session.dataset()
    top = st.container()
    left, right = st.columns([3, 1], gap="large")
    with controls.panel(right):
        pair = pick_pair(data)
        temperature, seed, window = draw_options(data, point)
    with left:
        hero(data, point, pair)
    drawn(data, point, pair, temperature, seed, window)
    classify(data, point)
    view = guide(data, point)
    points(data, point)
    with top:
        header.show("Membership", membership_answer(data, point), view, exports(data, point, view))
    return [view]


def learned() -> Parameters | None:
    """Return the parameters that memberships follow from: of the opened guide, or of the fit."""
    state = st.session_state
    opened = state["runs"].get("guide")
    if opened and opened == state.get("opened"):
        # A link names the guide's run, which holds the parameters but not the fit's options.
        if state.get("guide_spec", (None,))[0] != opened:
            state["guide_spec"] = opened, service().store.specification(opened)
        spec: Specification = state["guide_spec"][1]
        if spec.dataset == session.dataset() and spec.mixture == session.mixture():
            return spec.parameters
    return session.fit_parameters()


def waiting() -> list[live.View]:
    """Show the fit while it runs, or what stopped it."""
    view = live.view("map", session.fit_specification, link=False)
    said = "Looking for the components; which point belongs where follows from them …"
    failed = view.status is not None and view.status.state == "failed"
    if failed or view.error:
        said = "There is no fit to follow memberships from. Change its settings on the Fit page."
    header.show("Membership", [Segment(said)], view)
    live.status_line(view, "map", "Fit")
    if failed and view.status is not None and view.status.message:
        st.error(text.plain(view.status.message))
    return [view]


def pick_pair(data: Dataset) -> tuple[int, int]:
    """Let the person pick the two columns to look along."""
    D = len(data.columns)
    if D == 1:
        return 0, 0
    names = list(range(D))
    key = data.fingerprint[:8]
    x = st.selectbox(
        "Along x",
        names,
        format_func=lambda c: data.columns[c],
        key=f"pair_x_{key}",
        bind="query-params",
    )
    y = st.selectbox(
        "Along y",
        [c for c in names if c != x],
        format_func=lambda c: data.columns[c],
        key=f"pair_y_{key}",
        bind="query-params",
    )
    if D > 2:
        st.caption(
            f"Points only: where a region ends also depends on the other {count(D - 2, 'column')}."
        )
    return x, y


def draw_options(data: Dataset, point: Parameters) -> tuple[float, int, tuple[float, float] | None]:
    """Draw temperature, seed, and the window around a boundary."""
    temperature = st.slider(
        "Temperature",
        0.0,
        2.0,
        0.0,
        step=0.1,
        format="%.1f",
        key="temperature",
        bind="query-params",
        help="At 0 each point goes to its most probable component. Above 0 its component is drawn "
        "at random from $p_k^{1/T} / \\sum_j p_j^{1/T}$; at $T = 1$ that is the posterior "
        "assignment. The closed form here agrees with Pyro's `infer_discrete`, which the tests "
        "of this app hold it to.",
    )
    seed = st.number_input(
        "Seed of the draw",
        0,
        2**32 - 1,
        0,
        key="draw_seed",
        bind="query-params",
        disabled=temperature == 0,
        help="The same seed draws the same assignment again.",
    )
    edges = inner_boundaries(data, point)
    if not len(edges):
        return temperature, seed, None
    index = 0
    if len(edges) > 1:
        index = st.selectbox(
            "Boundary",
            range(len(edges)),
            format_func=lambda b: figures.place(float(edges[b]), float(np.ptp(data.values))),
            key=f"boundary_{len(edges)}",
            bind="query-params",
        )
    edge = float(edges[index])
    width = st.number_input(
        "Zoom: width of the window",
        min_value=1e-300,
        value=zoom_width(point, edge),
        step=zoom_width(point, edge) / 4,
        format="%g",
        key=f"zoom_{edge!r}",
        bind="query-params",
        help="How much of the axis around the boundary is seen, in the data's units. The boundary "
        "is where two components are equally probable: $w_i\\,\\mathcal N(x \\mid i) = "
        "w_j\\,\\mathcal N(x \\mid j)$.",
    )
    return temperature, seed, (edge, width)


def hero(data: Dataset, point: Parameters, pair: tuple[int, int]) -> None:
    """Draw how surely each point belongs to its component."""
    figure.show(figures.hero(data, point, pair), key="membership")
    look = overview(data, point)
    said = "The larger a point, the more doubtful it is."
    if look.sampled:
        said += (
            f" Drawn are {len(look.rows):,} of {look.n_points:,} points: the most doubtful ones "
            "and a random sample of the others."
        )
    st.caption(said)


def drawn(
    data: Dataset,
    point: Parameters,
    pair: tuple[int, int],
    temperature: float,
    seed: int,
    window: tuple[float, float] | None,
) -> None:
    """Draw the most probable or a random assignment, and zoom to the boundary."""
    if len(data.columns) > 1:
        figure.show(figures.drawn_map(data, point, pair, temperature, seed), key="drawn")
        return
    left, right = st.columns(2)
    with left:
        figure.show(figures.assignments(data, point, temperature, seed), key="assignments")
    with right:
        if window is not None:
            zoomed = figures.boundary_zoom(data, point, *window, temperature, seed)
            figure.show(zoomed, key="zoom")
        else:
            text.note("No boundary here.", "One component is the most probable all along the data.")


def classify(data: Dataset, point: Parameters) -> None:
    """Take new values, typed or from a file, and say where they belong."""
    st.subheader("Classify new values", anchor=False)
    left, right = st.columns([1, 2], gap="large")
    with left:
        source = st.segmented_control(
            "New values",
            ["Typed", "From a file"],
            default="Typed",
            required=True,
            key="new_source",
            persist_state=_KEEP,
            label_visibility="collapsed",
        )
        new = typed(data) if source == "Typed" else uploaded(data)
        by = st.segmented_control(
            "By",
            ["The best fit", "The whole posterior"],
            default="The best fit",
            required=True,
            key="new_by",
            persist_state=_KEEP,
            wrap=True,
            help="The best fit (MAP) takes its parameters for certain. The posterior does not: "
            "probabilities and densities are means over its draws, and their 5–95 % range says "
            "how much of the doubt is about the mixture itself.",
        )
    with right:
        if new is None:
            st.caption("Their components and probabilities appear here.")
            return
        averaged = by == "The whole posterior"
        scored = averaged_scores(data, point, new) if averaged else scores(point, new)
        if scored is None:
            return
        scored_table(new, scored)
        st.download_button(
            "Download as CSV",
            data=lambda: export.scores_csv(new, scored),
            file_name="classified.csv",
            mime="text/csv",
            key="download_new",
            on_click="ignore",
        )


def scores(point: Parameters, new: Dataset) -> Score:
    """Return what the fit says of new values, computed once."""
    return _scores(new.fingerprint, _digest(point), "", point, new)


def averaged_scores(data: Dataset, point: Parameters, new: Dataset) -> Score | None:
    """Return what the posterior says of new values; None, with the way to it, without one."""
    try:
        run_id = session.posterior_specification().id
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None
    try:
        known = service().result(run_id)
    except ValueError:  # nobody has asked for this run
        known = None
    if known is None:
        st.info("There are no draws of this mixture's posterior yet. Draw them on its page first.")
        st.page_link("pages/views/posterior.py", label="Go to Posterior")
        return None
    labelled = _labelled(run_id, _digest(point), known, point, data)
    return _scores(new.fingerprint, _digest(point), run_id, labelled, new)


# A live page asks at every tick; the names with an underscore are not part of the key.
@st.cache_resource(max_entries=16, show_spinner=False)
def _scores(
    fingerprint: str, point: str, run_id: str, _source: Parameters | Posterior, _new: Dataset
) -> Score:
    return score(_source, _new)


@st.cache_resource(max_entries=4, show_spinner="Relabelling the draws")
def _labelled(
    run_id: str, point: str, _found: Posterior, _point: Parameters, _data: Dataset
) -> Posterior:
    return aligned(_found.relabelled(_data), _point, _data)


def _digest(point: Parameters) -> str:
    arrays = (point.weights, point.locs, point.scale_tril)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def scored_table(new: Dataset, scored: Score) -> None:
    """Show new values with their components, probabilities and densities, and their spread."""
    text.note("Outliers." if scored.outlier.any() else "As expected.", score_answer(scored))
    N, K = scored.probs.shape
    D, spread = min(len(new.columns), _WIDE), scored.n_draws > 1
    head = ["Row", *(name[:30] for name in new.columns[:D]), "component", "probability"]
    each = range(K) if 1 < K <= _WIDE and not spread else range(0)
    head += [f"P({k + 1})" for k in each] + ["log density", ""]
    lines = []
    for n in range(min(N, _ROWS)):
        k = int(scored.component[n])
        prob = percent(float(scored.probs[n, k]))
        density = number(float(scored.log_density[n]))
        if spread:
            low, high = float(scored.probs_low[n, k]), float(scored.probs_high[n, k])
            prob += f" ({percent(low)} to {percent(high)})"
            low, high = float(scored.log_density_low[n]), float(scored.log_density_high[n])
            density += f" ({number(low)} to {number(high)})"
        lines.append(
            [
                f"{n + 1:,}",
                *(f"{x:.6g}".replace("-", MINUS) for x in new.values[n, :D]),
                Segment(str(k + 1), k),
                prob,
                *(percent(float(scored.probs[n, j])) for j in each),
                density,
                "outlier" if scored.outlier[n] else "",
            ]
        )
    with st.container(height=380 if len(lines) > 10 else "content", border=False):
        text.table(head, lines, caption="New values")
    said = "In brackets: 5 % to 95 % of the draws. " if spread else ""
    if N > _ROWS:
        said += f"{_ROWS} of {N:,} points; the download has them all."
    if said:
        st.caption(said)


def typed(data: Dataset) -> Dataset | None:
    """Read what is typed; what cannot be read is answered and stays."""
    names = data.columns
    if len(names) == 1:
        label = "Numbers, separated by spaces, commas or lines"
        hint = "5.5 5.7 5.75 6"
    else:
        shown = ", ".join(names[:_WIDE]) + (", …" if len(names) > _WIDE else "")
        label = f"One point per line: {text.plain(shown)}"
        hint = ", ".join(f"{x:g}" for x in data.values[0, :_WIDE])
    entered = st.text_area(
        label,
        key=f"typed_{len(names)}",
        persist_state=_KEEP,
        placeholder=hint,
        height=120,
    )
    if not entered.strip():
        return None
    try:
        return Dataset.from_values(parse_values(entered, names), names, "typed")
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None


def uploaded(data: Dataset) -> Dataset | None:
    """Read a file, with its columns matched by name."""
    file = st.file_uploader(
        "A file with the columns of the fit",
        type=["csv", "tsv", "txt", "parquet", "xlsx", "json"],
        key="new_file",
        help="CSV, TSV, Parquet, Excel or JSON. Columns are matched by name; others are ignored, "
        "and rows with a missing value are left out.",
    )
    if file is None:
        return None
    state = st.session_state
    if state.get("new_reading", (None,))[0] != file.file_id:
        try:
            state["new_reading"] = file.file_id, read_table(file)
        except ValueError as error:
            state["new_reading"] = file.file_id, text.sentence(error)
    reading = state["new_reading"][1]
    try:
        if isinstance(reading, str):
            raise ValueError(reading)
        new = match_columns(reading, data.columns)
    except ValueError as error:
        st.error(text.plain(text.sentence(error)))
        return None
    lost = reading.n_rows - len(new.values)
    said = f"Read {count(len(new.values), 'row')}."
    st.caption(said + (f" {count(lost, 'row')} with a missing value left out." if lost else ""))
    return new


def guide(data: Dataset, point: Parameters) -> live.View:
    """Fit the membership again, by a guide that enumerates, and hold it to the closed form."""
    st.subheader(
        "Membership by enumeration in the guide",
        anchor=False,
        help="The learned globals stay fixed and each point gets probabilities $q_{nk}$ of its "
        "own, found by Adam. The loss is $-\\mathrm{ELBO} = \\mathrm{MAP\\ loss} + \\sum_n "
        "\\mathrm{KL}(q_n \\,\\|\\, p(z_n \\mid x_n))$, so it comes down to the MAP loss exactly "
        "when $q$ is the closed form.",
    )
    left, right = st.columns([3, 1], gap="large")
    with right:
        guide_options()

    def make() -> Specification:
        return Specification(
            dataset=data,
            mixture=session.mixture(),
            options=session.guide_options(),
            parameters=point,
        )

    view = live.view("guide", make)
    with left:
        if view.error:
            st.error(text.plain(view.error))
            return view
        live.status_line(view, "guide", "Run the guide")
        found(data, point, view)
    return view


def guide_options() -> None:
    """Draw the options of the guide."""
    st.number_input(
        "Steps",
        1,
        20_000,
        step=100,
        key="guide_steps",
        persist_state=_KEEP,
        help="How many steps Adam makes. The tutorial's 200 are not enough: look at the gradient "
        "norm, not only at the loss.",
    )
    st.number_input(
        "Learning rate",
        min_value=1e-6,
        step=0.05,
        key="guide_rate",
        persist_state=_KEEP,
        format="%g",
        help="The length of Adam's steps in unconstrained space, where the probabilities are a "
        "softmax.",
    )
    left, right = st.columns(2)
    left.number_input(
        "Adam β₁", 0.0, 0.9999, step=0.05, key="guide_beta1", persist_state=_KEEP, format="%g"
    )
    right.number_input(
        "Adam β₂", 0.0, 0.99999, step=0.01, key="guide_beta2", persist_state=_KEEP, format="%g"
    )


def found(data: Dataset, point: Parameters, view: live.View) -> None:
    """Draw the guide's curves and its probabilities, live and when it is done."""
    assert view.spec is not None
    arrays = curves(view)
    optimum = map_loss(data, view.spec.mixture, point)
    left, right = st.columns(2)
    with left:
        figure.show(figures.guide_loss(arrays["loss"], optimum), key="guide_loss")
    with right:
        figure.show(figures.guide_gradient(arrays["norm"]), key="guide_gradient")
    figure.show(figures.guide_probs(data, point, arrays["probs"]), key="guide_probs")
    fit: GuideFit | None = view.result
    if fit is None:
        return
    gap = largest_difference(fit.assignment_probs, responsibilities(point, data.values))
    text.note("How close is it?", guide_answer(fit, optimum, gap))
    options = view.spec.options
    assert isinstance(options, GuideOptions)
    verdict = guide_verdict(fit, optimum)
    if verdict == "moving" and options.steps < 20_000:
        more = min(20_000, 10 * options.steps)
        controls.cure(f"{more:,} steps", {"guide_steps": more}, "cure_guide_steps")
    elif verdict in ("stuck", "failed"):
        lower = float(f"{min(0.2, options.learning_rate / 4):.2g}")
        controls.cure(f"Learning rate {lower:g}", {"guide_rate": lower}, "cure_guide_rate")


def curves(view: live.View) -> dict[str, Any]:
    """Return the guide's loss, gradient norm and probabilities as far as they are known."""
    if view.result is not None:
        fit: GuideFit = view.result
        norm = fit.gradient_norm["assignment_probs"]
        return {"loss": fit.loss, "norm": norm, "probs": fit.assignment_probs}
    assert view.spec is not None
    arrays = view.status.snapshot if view.status is not None else {}
    nothing = np.full(getattr(view.spec.options, "steps", 1), np.nan)
    return {
        "loss": arrays.get("loss", nothing),
        "norm": arrays.get("gradient_norm.assignment_probs", nothing),
        "probs": arrays.get("assignment_probs", np.empty((0, 1))),
    }


def points(data: Dataset, point: Parameters) -> None:
    """Show the points one by one."""
    st.subheader("Points", anchor=False)
    look = overview(data, point)
    rows: Sequence[int] = range(min(look.n_points, _ROWS))
    if look.n_points > 10 and st.toggle(
        "Most doubtful first", key="doubtful_first", bind="query-params"
    ):
        rows = look.rows[np.argsort(look.probs.max(axis=1), kind="stable")][:_ROWS].tolist()
    if look.n_points > len(rows):
        st.caption(f"{len(rows)} of {look.n_points:,} points; the download has them all.")
    table(data, point, rows, "")
    download(data, point, "Download all points as CSV", "memberships.csv", "download_points")


def table(data: Dataset, point: Parameters, rows: Sequence[int], caption: str) -> None:
    """Show points with their most probable component and their probabilities."""
    values = data.values[list(rows)]
    probs = responsibilities(point, values)
    D, K = min(len(data.columns), _WIDE), probs.shape[1]
    each = range(K) if 1 < K <= _WIDE else range(0)
    head = ["Row", *(name[:30] for name in data.columns[:D]), "component", "probability"]
    head += [f"P({k + 1})" for k in each]
    best = probs.argmax(axis=1)
    lines = [
        [
            f"{row + 1:,}",
            *(f"{x:.6g}".replace("-", MINUS) for x in values[n, :D]),
            Segment(str(best[n] + 1), int(best[n])),
            percent(float(probs[n, best[n]])),
            *(percent(float(probs[n, k])) for k in each),
        ]
        for n, row in enumerate(rows)
    ]
    # A long table scrolls in a frame of its own.
    with st.container(height=380 if len(lines) > 10 else "content", border=False):
        text.table(head, lines, caption=caption)


def download(data: Dataset, point: Parameters, label: str, name: str, key: str) -> None:
    """Offer the memberships as a file, written when it is asked for."""
    st.download_button(
        label,
        data=lambda: export.memberships_csv(data, point),
        file_name=name,
        mime="text/csv",
        key=key,
        on_click="ignore",
    )


def exports(data: Dataset, point: Parameters, view: live.View) -> header.Exports:
    """Return the files that this page can be saved as."""
    files: header.Exports = {
        "memberships.csv": ("text/csv", lambda: export.memberships_csv(data, point)),
        "parameters.csv": ("text/csv", lambda: export.parameters_csv(data, point)),
        "parameters.json": ("application/json", lambda: export.parameters_json(data, point)),
    }
    if view.result is not None:
        files |= {"guide.csv": ("text/csv", lambda: export.curves_csv(view.result))}
    return files


frame.require()
live.page(body)
